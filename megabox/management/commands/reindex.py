"""`manage.py reindex`: write every search document anew, and the database's index with them."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from artists import search


class Command(BaseCommand):
    """Safe to repeat and to run while people search."""

    help = "Writes every search document anew."

    def handle(self, *args: Any, **options: Any) -> None:
        count = search.rebuild(at=timezone.now())
        self.stdout.write(f"{count} documents can be found.")
