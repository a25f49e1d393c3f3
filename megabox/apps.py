"""Django's registration of the map: everything that sees all rooms."""

from django.apps import AppConfig


class MegaboxConfig(AppConfig):
    name = "megabox"
    verbose_name = "Megabox"

    def ready(self) -> None:
        # Without this the shared tasks of the rooms would nudge Celery's default app, which has no broker.
        from megabox import celery  # noqa: F401
