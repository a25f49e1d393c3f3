"""All tables of the room as they are, in one step; a site that has some of what it replaces goes on with the rest."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [("megabox", "0001_checks_of_the_books"), ("megabox", "0002_exports_of_the_books")]

    initial = True

    dependencies = [
        ("users", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "waiting"),
                            ("RUNNING", "running"),
                            ("DONE", "done"),
                            ("FAILED", "failed"),
                        ],
                        default="WAITING",
                        max_length=10,
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("CLOCK", "the clock"), ("DESK", "the desk"), ("COMMAND", "the command line")],
                        max_length=10,
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="", help_text="Why it failed; empty when it did not.")),
                ("checks_count", models.PositiveIntegerField(default=0, help_text="How many checks there are to do.")),
                ("checks", models.JSONField(blank=True, default=list)),
                ("findings_count", models.PositiveIntegerField(default=0)),
                ("findings", models.JSONField(blank=True, default=list)),
                ("mark", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "ordering": ["-pk"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "WAITING")), fields=("state",), name="auditrun_one_waiting"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("started_at__isnull", True), ("state", "WAITING")),
                            models.Q(
                                ("finished_at__isnull", True), ("started_at__isnull", False), ("state", "RUNNING")
                            ),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("started_at__isnull", False),
                                ("state__in", ["DONE", "FAILED"]),
                            ),
                            _connector="OR",
                        ),
                        name="auditrun_times_follow_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "FAILED"), ("error", ""), _connector="XOR"),
                        name="auditrun_failed_says_why",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="BooksExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "waiting"),
                            ("RUNNING", "running"),
                            ("DONE", "done"),
                            ("FAILED", "failed"),
                        ],
                        default="WAITING",
                        max_length=10,
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("CLOCK", "the clock"), ("DESK", "the desk"), ("COMMAND", "the command line")],
                        max_length=10,
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="", help_text="Why it failed; empty when it did not.")),
                (
                    "until",
                    models.DateField(blank=True, help_text="The last day in it; empty means everything.", null=True),
                ),
                (
                    "path",
                    models.CharField(
                        blank=True, default="", help_text="Its zip; empty before and after.", max_length=200
                    ),
                ),
                ("size_bytes", models.BigIntegerField(default=0)),
                ("rows", models.BigIntegerField(default=0)),
                ("manifest_sha256", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "ordering": ["-pk"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "WAITING")), fields=("state",), name="booksexport_one_waiting"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("started_at__isnull", True), ("state", "WAITING")),
                            models.Q(
                                ("finished_at__isnull", True), ("started_at__isnull", False), ("state", "RUNNING")
                            ),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("started_at__isnull", False),
                                ("state__in", ["DONE", "FAILED"]),
                            ),
                            _connector="OR",
                        ),
                        name="booksexport_times_follow_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "FAILED"), ("error", ""), _connector="XOR"),
                        name="booksexport_failed_says_why",
                    ),
                ],
                "indexes": [],
            },
        ),
    ]
