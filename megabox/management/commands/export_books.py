"""`manage.py export_books FOLDER`: the books as a folder that an auditor can open and verify."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from megabox.export import folder


class Command(BaseCommand):
    help = "Write the books into a new folder: CSV files, a manifest, a README and the program that verifies them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
        parser.add_argument("--until", type=date.fromisoformat, help="the last day, as 2026-10-31; everything without")

    def handle(self, *args: Any, **options: Any) -> None:
        where: Path = options["folder"]

        def progress(rows: int, file: str) -> None:
            if options["verbosity"] > 1:
                self.stdout.write(f"{rows} rows, {file}")

        try:
            folder.write(where, until=options["until"], progress=progress)
        except (folder.FolderExists, OSError) as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write(f"Written to {where}. Verify it with: python3 -I {where / 'verify_books.py'} {where}")
