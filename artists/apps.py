"""Django's registration of the room `artists`."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "artists"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"
