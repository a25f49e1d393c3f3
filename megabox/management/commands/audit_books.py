"""`manage.py audit_books`: check every rule of the books; exit 1 on any finding."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from artists import audit as catalogue
from megabox import audit


class Command(BaseCommand):
    help = "Check the books and the stored files against every rule. Repairs nothing; exits 1 on any finding."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for finding in audit.findings():
            count += 1
            self.stdout.write(f"{finding.room}: {finding.rule}: {finding.message}")
        for sentence in catalogue.findings(timezone.now()):
            count += 1
            self.stdout.write(f"artists: {sentence}")
        if count:
            self.stdout.write(self.style.ERROR(f"{count} finding{'s' if count > 1 else ''}."))
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS("The books are clean."))
