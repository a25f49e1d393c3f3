"""Django's registration of the room `payouts`, and its tables that are only ever added to."""

from django.apps import AppConfig

from ledger import triggers

_SUBJECT = "payee_id = NEW.payee_id AND unit = NEW.unit AND month = NEW.month"


class PayoutsConfig(AppConfig):
    name = "payouts"
    verbose_name = "Payouts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Check the settings of money at the start, and let the database refuse changes."""
        from payouts import rails  # noqa: F401 - it registers its check

        triggers.append_only("payouts_decision", "id = NEW.id")
        triggers.append_only(
            "payouts_issuedstatement",
            "id = NEW.id",
            "number = NEW.number",
            "corrects_id = NEW.corrects_id",
            f"({_SUBJECT} AND version = NEW.version)",
            f"({_SUBJECT} AND content_hash = NEW.content_hash)",
        )
