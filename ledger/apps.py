"""Django's registration of the room `ledger`, and what surrounds every migration: triggers and the first policy."""

from typing import Any

from django.apps import AppConfig
from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from ledger import triggers


class BooksConfig(AppConfig):
    name = "ledger"
    verbose_name = "Books"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        pre_migrate.connect(_drop_triggers, sender=self)
        post_migrate.connect(_make_what_migrations_cannot, sender=self)


def _drop_triggers(*, using: str, **_: Any) -> None:
    # Only once the registry is ready: the modules below import models.
    triggers.drop(connections[using])


def _make_what_migrations_cannot(*, using: str, apps: Apps = current_apps, **_: Any) -> None:
    """Install the triggers and make the first policy, which a test's flush must be able to bring back."""
    from ledger import policy  # its models exist only once the registry is ready

    try:
        model = apps.get_model("ledger", "Policy")
    except LookupError:  # migrated back to before the books
        return
    policy.make_version_1(model, using)
    triggers.install(connections[using])
