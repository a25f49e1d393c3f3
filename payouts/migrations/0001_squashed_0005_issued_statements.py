"""All tables of the room as they are, in one step; a site that has some of what it replaces goes on with the rest."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("payouts", "0001_initial"),
        ("payouts", "0002_rails_and_decisions"),
        ("payouts", "0003_pool"),
        ("payouts", "0004_blocks_of_cases"),
        ("payouts", "0005_issued_statements"),
    ]

    initial = True

    dependencies = [
        ("artists", "0001_squashed_0016_split_signatures"),
        ("users", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Block",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="blocks", to="artists.payee"
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("IDENTITY", "identity not confirmed"),
                            ("TAX_FORM", "tax form missing"),
                            ("DISPUTE", "a dispute is open"),
                            ("FRAUD", "under investigation"),
                            ("MANUAL", "held by the staff"),
                        ],
                        max_length=10,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("until", models.DateTimeField(blank=True, null=True)),
                (
                    "case",
                    models.CharField(
                        blank=True, default="", help_text="As `store.dispute:5`; empty: a person.", max_length=64
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "lifted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lifted_at__isnull", True), ("lifted_by__isnull", True)),
                            models.Q(
                                ("lifted_at__isnull", False),
                                models.Q(
                                    ("lifted_by__isnull", False), models.Q(("case", ""), _negated=True), _connector="OR"
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="block_lifted_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("case", ""), ("created_by__isnull", False)),
                            models.Q(models.Q(("case", ""), _negated=True), ("created_by__isnull", True)),
                            _connector="OR",
                        ),
                        name="block_by_a_person_or_a_case",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("case", ""), _negated=True),
                        fields=("case", "payee"),
                        name="block_once_per_case_and_payee",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="IssuedStatement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="issued_statements",
                        to="artists.payee",
                    ),
                ),
                ("unit", models.CharField(max_length=3)),
                ("month", models.DateField(help_text="Its first day.")),
                ("version", models.PositiveIntegerField()),
                ("number", models.CharField(max_length=60, unique=True)),
                ("content_hash", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("path", models.CharField(max_length=200)),
                ("size_bytes", models.PositiveIntegerField()),
                ("closing_micros", models.BigIntegerField()),
                ("issued_at", models.DateTimeField()),
                (
                    "corrects",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrected_by",
                        to="payouts.issuedstatement",
                    ),
                ),
            ],
            options={
                "ordering": ["-month", "payee", "unit", "-version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("payee", "unit", "month", "version"), name="statement_version_once"
                    ),
                    models.UniqueConstraint(
                        fields=("payee", "unit", "month", "content_hash"), name="statement_content_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("corrects__isnull", True), ("version", 1)),
                            models.Q(("corrects__isnull", False), ("version__gt", 1)),
                            _connector="OR",
                        ),
                        name="statement_correction_names_what_it_corrects",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="PoolSharing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.CharField(help_text="Whose pool it is, like 2026-11.", max_length=7)),
                ("unit", models.CharField(max_length=3)),
                ("number", models.PositiveIntegerField(default=1)),
                ("micros", models.BigIntegerField(help_text="All that was in the pool.")),
                (
                    "carried_to",
                    models.CharField(blank=True, default="", help_text="Empty when it was shared out.", max_length=7),
                ),
                (
                    "model",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("user-centric", "User-centric"),
                            ("pro-rata", "Pro rata"),
                            ("artist-centric", "Artist-centric"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("policy_version", models.PositiveIntegerField()),
                ("plays", models.BigIntegerField(default=0)),
                ("listeners", models.BigIntegerField(default=0)),
                ("guests", models.BigIntegerField(default=0, help_text="So many of the listeners were guests.")),
                ("booked_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-month", "unit", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=("month", "unit", "number"), name="pool_sharing_number_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("carried_to", "")),
                        fields=("month", "unit"),
                        name="pool_shared_out_once_a_month",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("micros__gt", 0), ("number__gte", 1)), name="pool_sharing_moves_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("carried_to", ""),
                                ("listeners__gt", 0),
                                ("listeners__lte", models.F("plays")),
                                ("model__in", ["user-centric", "pro-rata", "artist-centric"]),
                                ("guests__gte", 0),
                                ("guests__lte", models.F("listeners")),
                            ),
                            models.Q(
                                ("carried_to__gt", models.F("month")),
                                ("guests", 0),
                                ("listeners", 0),
                                ("model", ""),
                                ("plays", 0),
                            ),
                            _connector="OR",
                        ),
                        name="pool_shared_out_or_carried_on",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="PoolShare",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "sharing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="shares", to="payouts.poolsharing"
                    ),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pool_shares", to="artists.payee"
                    ),
                ),
                ("plays", models.BigIntegerField(help_text="Plays of tracks in which this payee has a share.")),
                ("listeners", models.BigIntegerField(help_text="How many listeners played them.")),
                ("micros", models.BigIntegerField(help_text="What was paid: by the model of the sharing.")),
                ("user_centric_micros", models.BigIntegerField()),
                ("pro_rata_micros", models.BigIntegerField()),
                ("artist_centric_micros", models.BigIntegerField()),
            ],
            options={
                "ordering": ["-micros", "payee"],
                "constraints": [
                    models.UniqueConstraint(fields=("sharing", "payee"), name="pool_share_once_per_payee"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("listeners__gt", 0), ("listeners__lte", models.F("plays")), ("plays__gt", 0)
                        ),
                        name="pool_share_was_played",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("artist_centric_micros__gte", 0),
                            ("pro_rata_micros__gte", 0),
                            ("user_centric_micros__gte", 0),
                        ),
                        name="pool_share_never_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("micros", models.F("user_centric_micros")),
                            ("micros", models.F("pro_rata_micros")),
                            ("micros", models.F("artist_centric_micros")),
                            _connector="OR",
                        ),
                        name="pool_share_is_what_a_model_pays",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="BankAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="bank_accounts", to="artists.payee"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("IBAN", "IBAN"), ("OTHER", "another account number")], default="IBAN", max_length=5
                    ),
                ),
                ("holder", models.CharField(max_length=70)),
                ("number", models.CharField(max_length=34)),
                ("bic", models.CharField(blank=True, default="", max_length=11)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("replaced_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("replaced_at__isnull", True)),
                        fields=("payee",),
                        name="bank_account_one_in_use",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("holder", ""), _negated=True), models.Q(("number", ""), _negated=True)
                        ),
                        name="bank_account_has_number",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="PayoutRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("DRAFT", "draft"),
                            ("COMPUTED", "waiting for approval"),
                            ("APPROVED", "approved"),
                            ("EXECUTING", "being paid"),
                            ("COMPLETED", "completed"),
                            ("COMPLETED_WITH_ERRORS", "completed with errors"),
                            ("CANCELLED", "cancelled"),
                        ],
                        default="DRAFT",
                        max_length=24,
                    ),
                ),
                ("unit", models.CharField(max_length=3)),
                ("period", models.CharField(help_text="The month it pays, like 2026-11.", max_length=7)),
                ("item_count", models.PositiveIntegerField(default=0, help_text="Payees found by the computation.")),
                (
                    "high_water",
                    models.BigIntegerField(blank=True, help_text="The last posting it has seen.", null=True),
                ),
                ("policy_version", models.PositiveIntegerField(blank=True, null=True)),
                ("content_hash", models.CharField(blank=True, default="", max_length=64)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("computed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "executed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("executed_at", models.DateTimeField(blank=True, null=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "cancelled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("created_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="payout_run_two_persons",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["DRAFT", "COMPUTED", "CANCELLED"]),
                            models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="payout_run_paid_only_if_approved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["DRAFT", "CANCELLED"]),
                            models.Q(
                                ("computed_at__isnull", False),
                                ("high_water__isnull", False),
                                models.Q(("content_hash", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="payout_run_computed_has_content",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["DRAFT", "COMPUTED", "APPROVED"])),
                        fields=("unit",),
                        name="payout_run_one_waiting_per_unit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("paused_at__isnull", True), ("state", "EXECUTING"), _connector="OR"),
                        name="payout_run_paused_while_executing",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="PayoutFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="files", to="payouts.payoutrun"
                    ),
                ),
                (
                    "rail",
                    models.CharField(
                        choices=[("SEPA", "SEPA credit transfer"), ("CSV", "bank transfer by hand")], max_length=6
                    ),
                ),
                ("message_id", models.CharField(max_length=35, unique=True)),
                ("content", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("count", models.PositiveIntegerField()),
                ("micros", models.BigIntegerField()),
                (
                    "issued_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("issued_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("run", "rail"), name="payout_file_once_per_run_and_rail"),
                    models.CheckConstraint(
                        condition=models.Q(("count__gt", 0), ("micros__gt", 0)), name="payout_file_pays_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rail", "STRIPE"), _negated=True), name="payout_file_is_for_a_bank"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payouts", to="payouts.payoutrun"
                    ),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payouts", to="artists.payee"
                    ),
                ),
                ("reference", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("unit", models.CharField(max_length=3)),
                (
                    "payable_micros",
                    models.BigIntegerField(help_text="All that could be paid when the run was computed."),
                ),
                (
                    "amount_micros",
                    models.BigIntegerField(help_text="What is sent: payable, rounded down to the smallest coin."),
                ),
                ("amount_cents", models.BigIntegerField(help_text="The same in minor units.")),
                ("threshold_micros", models.BigIntegerField()),
                (
                    "rail",
                    models.CharField(
                        choices=[
                            ("STRIPE", "Stripe transfer"),
                            ("SEPA", "SEPA credit transfer"),
                            ("CSV", "bank transfer by hand"),
                        ],
                        default="STRIPE",
                        max_length=6,
                    ),
                ),
                (
                    "destination",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The payee's Stripe account, or which of their bank accounts.",
                        max_length=64,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PROPOSED", "proposed"),
                            ("RESERVED", "waiting to be sent"),
                            ("SENDING", "being sent"),
                            ("UNKNOWN", "outcome not known yet"),
                            ("PAID", "paid"),
                            ("FAILED", "failed"),
                            ("RETURNED", "returned"),
                            ("SKIPPED", "skipped"),
                            ("CANCELLED", "cancelled"),
                        ],
                        default="PROPOSED",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("transfer_id", models.CharField(blank=True, default="", max_length=64)),
                (
                    "file",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payouts",
                        to="payouts.payoutfile",
                    ),
                ),
                (
                    "retries",
                    models.PositiveIntegerField(
                        default=0, help_text="How often it was reserved again after it had failed."
                    ),
                ),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(blank=True, null=True)),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["state", "next_try_at"], name="payout_queue")],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "payee"), name="payout_once_per_run_and_payee"),
                    models.UniqueConstraint(
                        condition=models.Q(("transfer_id", ""), _negated=True),
                        fields=("transfer_id",),
                        name="payout_transfer_pays_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_cents__gte", 0),
                            ("amount_micros__gte", 0),
                            ("amount_micros__lte", models.F("payable_micros")),
                        ),
                        name="payout_amount_within_payable",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["SKIPPED", "CANCELLED"]),
                            models.Q(("amount_cents__gt", 0), ("amount_micros__gt", 0)),
                            _connector="OR",
                        ),
                        name="payout_pays_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "PAID"), _negated=True),
                            models.Q(
                                ("paid_at__isnull", False),
                                models.Q(
                                    models.Q(("transfer_id", ""), _negated=True),
                                    ("file__isnull", False),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="payout_paid_has_transfer_or_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("file__isnull", True), ("rail", "STRIPE")),
                            models.Q(
                                ("rail__in", ["SEPA", "CSV"]),
                                ("transfer_id", ""),
                                models.Q(
                                    ("file__isnull", False),
                                    models.Q(("state__in", ["SENDING", "UNKNOWN", "PAID", "RETURNED"]), _negated=True),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="payout_goes_by_its_rail",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("rail", "SEPA"), _negated=True), ("unit", "EUR"), _connector="OR"),
                        name="payout_sepa_is_euro",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "payout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="payouts.payout"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("idempotency_key", models.CharField(max_length=100, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "not known yet"), ("SUCCEEDED", "succeeded"), ("FAILED", "failed")],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("error_code", models.CharField(blank=True, default="", max_length=100)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
                ("request_id", models.CharField(blank=True, default="", max_length=64)),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(fields=("payout", "number"), name="attempt_number_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "OPEN")), fields=("payout",), name="attempt_one_unresolved"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("resolved_at__isnull", True), ("state", "OPEN")),
                            models.Q(models.Q(("state", "OPEN"), _negated=True), ("resolved_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="attempt_resolved_has_time",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="decisions", to="payouts.payoutrun"
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="payouts.payout",
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("PAUSED", "paused"),
                            ("RESUMED", "resumed"),
                            ("RETRIED", "tried again"),
                            ("RELEASED", "given back"),
                            ("ISSUED", "file issued"),
                            ("CONFIRMED", "confirmed as paid"),
                            ("RETURNED", "came back"),
                        ],
                        max_length=10,
                    ),
                ),
                ("why", models.CharField(blank=True, default="", max_length=300)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [],
                "constraints": [],
            },
        ),
    ]
