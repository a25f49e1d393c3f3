"""Django's registration of the room `users`."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "users"
    verbose_name = "People"
    default_auto_field = "django.db.models.BigAutoField"
