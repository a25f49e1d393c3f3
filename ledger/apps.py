"""Django's registration of the room `ledger`."""

from django.apps import AppConfig


class BooksConfig(AppConfig):
    name = "ledger"
    verbose_name = "Books"
    default_auto_field = "django.db.models.BigAutoField"
