"""Django's registration of the room `artists`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CatalogueConfig(AppConfig):
    name = "artists"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from artists import search  # models can be imported only now

        post_migrate.connect(search.install, sender=self, dispatch_uid="artists.search.install")
