"""All tables of the room as they are, in one step; a site that has some of what it replaces goes on with the rest."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [("ledger", "0001_initial"), ("ledger", "0002_months")]

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("code", models.CharField(max_length=100, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("asset", "Asset"),
                            ("liability", "Liability"),
                            ("revenue", "Revenue"),
                            ("expense", "Expense"),
                            ("contra", "Credits contra"),
                        ],
                        max_length=10,
                    ),
                ),
                ("unit", models.CharField(max_length=3)),
                ("is_debit_normal", models.BooleanField()),
                ("is_guarded", models.BooleanField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "contra"),
                            models.Q(("is_debit_normal", True), ("kind__in", ["asset", "expense"])),
                            models.Q(("is_debit_normal", False), ("kind__in", ["liability", "revenue"])),
                            _connector="OR",
                        ),
                        name="account_side_follows_kind",
                    )
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("kind", models.CharField(max_length=40)),
                ("digest", models.CharField(max_length=64)),
                ("why", models.CharField(blank=True, default="", max_length=200)),
                ("occurred_at", models.DateTimeField(db_index=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name_plural": "entries",
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "entry",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="postings",
                        to="ledger.entry",
                    ),
                ),
                ("line", models.PositiveIntegerField()),
                (
                    "debit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="debits",
                        to="ledger.account",
                    ),
                ),
                (
                    "credit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits",
                        to="ledger.account",
                    ),
                ),
                ("unit", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField()),
                ("source", models.CharField(blank=True, db_index=True, default="", max_length=100)),
                ("facts", models.JSONField(blank=True, default=dict)),
                ("matures_on", models.DateField(blank=True, null=True)),
                (
                    "reverses",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversals",
                        to="ledger.posting",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["debit", "id"], name="posting_debit"),
                    models.Index(fields=["credit", "id"], name="posting_credit"),
                    models.Index(
                        condition=models.Q(("matures_on__isnull", False)),
                        fields=["credit", "matures_on"],
                        name="posting_credit_maturity",
                    ),
                    models.Index(
                        condition=models.Q(("matures_on__isnull", False)),
                        fields=["debit", "matures_on"],
                        name="posting_debit_maturity",
                    ),
                    models.Index(
                        condition=models.Q(("reverses__isnull", False)), fields=["reverses"], name="posting_reverses"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("entry", "line"), name="posting_line_once"),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="posting_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("debit", models.F("credit")), _negated=True), name="posting_two_accounts"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("unit", "XCR"), _negated=True),
                            django.db.models.lookups.Exact(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("amount"), "%%", models.Value(1000)
                                ),
                                0,
                            ),
                            _connector="OR",
                        ),
                        name="posting_xcr_whole_micros_of_money",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Balance",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="cached",
                        serialize=False,
                        to="ledger.account",
                    ),
                ),
                ("amount", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="balance_never_negative")
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Month",
            fields=[
                ("month", models.DateField(primary_key=True, serialize=False)),
                ("ends_at", models.DateTimeField(unique=True)),
                ("closed_at", models.DateTimeField()),
                ("last_posting", models.BigIntegerField()),
                ("first_after", models.BigIntegerField()),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                (
                    "month",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="snapshot",
                        serialize=False,
                        to="ledger.month",
                    ),
                ),
                ("taken_at", models.DateTimeField()),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="SnapshotLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "snapshot",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="ledger.snapshot",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="snapshots",
                        to="ledger.account",
                    ),
                ),
                ("debits", models.BigIntegerField()),
                ("credits", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "snapshot"), name="snapshot_account_once"),
                    models.CheckConstraint(
                        condition=models.Q(("debits__gte", 0), ("credits__gte", 0)), name="snapshot_totals_not_negative"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[
                ("version", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("effective_at", models.DateTimeField(unique=True)),
                ("commission_basis_points", models.PositiveIntegerField()),
                ("sale_maturity_days", models.PositiveIntegerField()),
                ("ads_maturity_days", models.PositiveIntegerField()),
                ("payout_threshold_micros", models.BigIntegerField()),
                ("payout_threshold_min_micros", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "policies",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("commission_basis_points__lte", 10000)), name="policy_commission_is_a_share"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("payout_threshold_min_micros__gt", 0),
                            ("payout_threshold_micros__gte", models.F("payout_threshold_min_micros")),
                        ),
                        name="policy_thresholds_in_order",
                    ),
                ],
                "indexes": [],
            },
        ),
    ]
