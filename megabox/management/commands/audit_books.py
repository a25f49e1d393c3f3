"""`manage.py audit_books`: check every rule of the books; exit 1 on any finding."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ledger.audit import Finding
from megabox import audit, audit_runs


class Command(BaseCommand):
    help = (
        "Check the books and the stored files against every rule. Repairs nothing; exits 1 on any finding. "
        "With --verbosity 2 every check is named with its result. The run is kept, and shown at the desk."
    )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        def hear(result: audit.Result) -> None:
            if verbosity > 1:
                said = f"{result.count} findings" if result.count else "holds"
                about = f"{result.rows} {result.check.over._meta.verbose_name_plural}"
                self.stdout.write(f"{result.check.room}: {result.check.name}: {said} ({about}, {result.seconds:.3f} s)")

        def tell(finding: Finding) -> None:
            self.stdout.write(f"{finding.room}: {finding.rule}: {finding.message}")

        run = audit_runs.check_now(now=timezone.now, hear=hear, tell=tell)
        if run.error:
            self.stdout.write(self.style.ERROR(f"The check failed: {run.error}"))
            sys.exit(1)
        if count := run.findings_count:
            self.stdout.write(self.style.ERROR(f"{count} finding{'s' if count > 1 else ''}."))
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS("The books are clean."))
