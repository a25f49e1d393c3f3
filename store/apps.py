"""Django's registration of the room `store`."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "store"
    verbose_name = "Store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to who logs in, so that a guest takes along what they have."""
        from store.access import arrivals

        arrivals.listen()
