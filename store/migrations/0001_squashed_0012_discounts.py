"""All tables of the room as they are, in one step; a site that has some of what it replaces goes on with the rest."""

import uuid

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("store", "0001_initial"),
        ("store", "0002_balance"),
        ("store", "0003_disputes"),
        ("store", "0004_adjustments"),
        ("store", "0005_named_through"),
        ("store", "0006_deposit_refunds"),
        ("store", "0007_prove_wallets"),
        ("store", "0008_refunds_that_came_back"),
        ("store", "0009_figures"),
        ("store", "0010_preorders"),
        ("store", "0011_download_codes"),
        ("store", "0012_discounts"),
    ]

    initial = True

    dependencies = [
        ("ads", "0001_squashed_0016_loose_files"),
        ("artists", "0001_squashed_0016_split_signatures"),
        ("ledger", "0001_squashed_0002_months"),
        ("users", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="BalanceTransaction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stripe_id", models.CharField(max_length=100, unique=True)),
                ("type", models.CharField(max_length=60)),
                ("category", models.CharField(help_text="Stripe's reporting category.", max_length=60)),
                ("unit", models.CharField(max_length=3)),
                ("gross_micros", models.BigIntegerField()),
                ("fee_micros", models.BigIntegerField()),
                ("net_micros", models.BigIntegerField()),
                ("source", models.CharField(blank=True, default="", max_length=100)),
                ("subject", models.CharField(db_index=True, max_length=100)),
                ("description", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(help_text="When it happened at Stripe.")),
                ("available_on", models.DateTimeField()),
                ("imported_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("WAITING", "waiting"), ("SUSPENSE", "in suspense"), ("MATCHED", "matched")],
                        default="WAITING",
                        max_length=10,
                    ),
                ),
                (
                    "note",
                    models.TextField(blank=True, default="", help_text="Why it is not matched; empty when it is."),
                ),
                ("suspended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
                "indexes": [
                    models.Index(fields=["unit", "created_at"], name="balance_of_unit"),
                    models.Index(fields=["created_at"], name="balance_by_time"),
                    models.Index(
                        condition=models.Q(("state", "MATCHED"), _negated=True),
                        fields=["state"],
                        name="balance_unmatched",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "net_micros",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("gross_micros"), "-", models.F("fee_micros")
                                ),
                            )
                        ),
                        name="balance_net_is_gross_less_fee",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "SUSPENSE"), ("suspended_at__isnull", False)),
                            models.Q(("state", "SUSPENSE"), _negated=True),
                            _connector="OR",
                        ),
                        name="balance_suspense_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Naming",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="namings",
                        to="store.balancetransaction",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="namings", to="ledger.entry"
                    ),
                ),
                ("micros", models.BigIntegerField()),
                ("named_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("transaction", "entry"), name="naming_once"),
                    models.CheckConstraint(
                        condition=models.Q(("micros", 0), _negated=True), name="naming_of_something"
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
                    "transaction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="store.balancetransaction",
                    ),
                ),
                (
                    "choice",
                    models.CharField(
                        choices=[
                            ("STRIPE_FEES", "a cost of Stripe's: card fees"),
                            ("DISPUTE_FEES", "a cost of a dispute"),
                            ("BANK", "moved to or from our bank"),
                            ("CLAWBACK_LOSS", "lost: nobody pays it back"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("decided_at", models.DateTimeField()),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.entry"
                    ),
                ),
                (
                    "taken_back_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("taken_back_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="decision_has_a_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("taken_back_at", None), ("taken_back_by", None)),
                            models.Q(("taken_back_at__isnull", False), ("taken_back_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="decision_taken_back_by_somebody",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("taken_back_at", None)), fields=("transaction",), name="decision_one_stands"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="BalanceImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "since",
                    models.DateTimeField(
                        blank=True, help_text="What is older was not read; empty: all was read.", null=True
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "newest",
                    models.DateTimeField(blank=True, help_text="When the newest transaction read happened.", null=True),
                ),
                ("read", models.PositiveIntegerField(default=0)),
                ("added", models.PositiveIntegerField(default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["finished_at"], name="balance_import_finished")],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="BalanceCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("unit", models.CharField(max_length=3)),
                ("stripe_micros", models.BigIntegerField(help_text="Available, pending and reserved.")),
                ("ledger_micros", models.BigIntegerField()),
                ("waiting_micros", models.BigIntegerField()),
                ("in_flight_micros", models.BigIntegerField()),
                ("suspense_micros", models.BigIntegerField()),
                (
                    "old_in_flight",
                    models.PositiveIntegerField(default=0, help_text="Entries in flight for more than a day."),
                ),
                (
                    "named_through",
                    models.BigIntegerField(
                        default=0,
                        help_text="Up to this entry all that moved money at Stripe was told by Stripe: it is not looked at again.",
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "unit"],
                "constraints": [models.UniqueConstraint(fields=("unit", "at"), name="balance_check_once")],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="HandEntry",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("VAT_PAID", "VAT paid to a country")], max_length=20)),
                ("country", models.CharField(max_length=2)),
                ("unit", models.CharField(max_length=3)),
                ("micros", models.BigIntegerField()),
                ("reason", models.CharField(max_length=180)),
                (
                    "booked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("booked_at", models.DateTimeField()),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ledger.entry"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "hand entries",
                "ordering": ["-booked_at"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("micros__gt", 0)), name="hand_entry_of_something"),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="hand_entry_has_a_reason"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(choices=[("WRITE_OFF", "given up"), ("WITHHELD", "tax withheld")], max_length=10),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="artists.payee",
                    ),
                ),
                (
                    "advertiser",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="ads.advertiser",
                    ),
                ),
                ("unit", models.CharField(max_length=3)),
                ("amount_micros", models.BigIntegerField()),
                ("country", models.CharField(blank=True, default="", help_text="Whose tax is withheld.", max_length=2)),
                ("reason", models.CharField(max_length=200)),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("decided_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-decided_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_micros__gt", 0)), name="adjustment_moves_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("advertiser", None), ("payee__isnull", False)),
                            models.Q(("advertiser__isnull", False), ("kind", "WRITE_OFF"), ("payee", None)),
                            _connector="OR",
                        ),
                        name="adjustment_is_about_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("country__gt", ""), ("kind", "WITHHELD")),
                            models.Q(("country", ""), ("kind", "WRITE_OFF")),
                            _connector="OR",
                        ),
                        name="adjustment_tax_has_a_country",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="adjustment_has_a_reason"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="CodeBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="code_batches", to="artists.album"
                    ),
                ),
                (
                    "name",
                    models.CharField(blank=True, default="", help_text="What its artist calls it.", max_length=100),
                ),
                ("count", models.PositiveIntegerField()),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("stopped_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-made_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("count__range", (1, 5000))), name="code_batch_count")
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="DownloadCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="codes", to="store.codebatch"
                    ),
                ),
                ("letters", models.CharField(max_length=12, unique=True)),
                ("redeemed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="Discount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="discounts", to="artists.artist"
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: all of the artist's.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="discounts",
                        to="artists.album",
                    ),
                ),
                ("code", models.CharField(max_length=30)),
                ("percent", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("amount_micros", models.BigIntegerField(blank=True, null=True)),
                ("unit", models.CharField(blank=True, default="", help_text="Of the amount.", max_length=3)),
                ("starts_on", models.DateField(blank=True, help_text="The first UTC day.", null=True)),
                ("ends_on", models.DateField(blank=True, help_text="The last UTC day.", null=True)),
                ("most_uses", models.PositiveIntegerField(blank=True, null=True)),
                ("is_once_a_buyer", models.BooleanField(default=False)),
                ("use_count", models.PositiveIntegerField(default=0)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("stopped_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-made_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("artist", "code"), name="discount_code_once_an_artist"),
                    models.CheckConstraint(condition=models.Q(("code", ""), _negated=True), name="discount_has_a_code"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("amount_micros", None),
                                ("percent__isnull", False),
                                ("percent__range", (1, 100)),
                                ("unit", ""),
                            ),
                            models.Q(
                                ("amount_micros__gt", 0),
                                ("amount_micros__isnull", False),
                                ("percent", None),
                                models.Q(("unit", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="discount_is_per_cent_or_an_amount",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("starts_on", None),
                            ("ends_on", None),
                            ("ends_on__gte", models.F("starts_on")),
                            _connector="OR",
                        ),
                        name="discount_ends_after_it_starts",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Counting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("through", models.DateTimeField(unique=True)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("is_open", models.BooleanField(default=True)),
                ("since", models.DateField(help_text="From this day on all days are counted.")),
                ("reached", models.DateField(blank=True, null=True)),
                ("entries_after", models.BigIntegerField()),
                ("entries_through", models.BigIntegerField()),
            ],
            options={
                "ordering": ["-through"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_open", True)), fields=("is_open",), name="counting_one_open"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("is_open", True)),
                            models.Q(("finished_at__isnull", False), ("is_open", False)),
                            _connector="OR",
                        ),
                        name="counting_open_until_finished",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Figure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                (
                    "artist",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artists.artist",
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artists.track",
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("plays", "plays, by place"),
                            ("complete", "plays heard whole"),
                            ("skips", "left before they counted"),
                            ("sites", "plays, by the site that led here"),
                            ("countries", "plays, by the listener’s country"),
                            ("downloads", "downloads, by reason"),
                            ("sales", "sales, by price"),
                            ("buyers", "sales, by the buyer’s country"),
                            ("earned", "what payees were credited, by what earned it"),
                        ],
                        max_length=10,
                    ),
                ),
                ("key", models.CharField(blank=True, default="", max_length=100)),
                ("unit", models.CharField(blank=True, default="", max_length=3)),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("micros", models.BigIntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["artist", "day"], name="figure_of_artist"),
                    models.Index(fields=["day"], name="figure_of_day"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("track", None), ("album__isnull", False), _connector="OR"),
                        name="figure_of_track_has_album",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("micros", 0), models.Q(("unit", ""), _negated=True), _connector="OR"),
                        name="figure_of_money_has_a_unit",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("track__isnull", False)),
                        fields=("day", "track", "what", "key", "unit"),
                        name="figure_of_track_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("album__isnull", False), ("track", None)),
                        fields=("day", "album", "what", "key", "unit"),
                        name="figure_of_album_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("album", None)),
                        fields=("day", "artist", "what", "key", "unit"),
                        name="figure_of_artist_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Prediction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="artists.album"
                    ),
                ),
                ("month", models.DateField(help_text="Its first day.")),
                ("unit", models.CharField(max_length=3)),
                ("price_micros", models.BigIntegerField()),
                ("plays", models.PositiveBigIntegerField()),
                ("sales", models.PositiveBigIntegerField()),
                ("earned_micros", models.BigIntegerField()),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-month"],
                "constraints": [
                    models.UniqueConstraint(fields=("album", "month"), name="prediction_once"),
                    models.CheckConstraint(
                        condition=models.Q(("earned_micros__gte", 0), ("price_micros__gt", 0)),
                        name="prediction_has_a_price",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Gate",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gates", to="ads.wallet"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="gates",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gates",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gates",
                        to="artists.track",
                    ),
                ),
                ("recipe", models.CharField(max_length=20)),
                (
                    "state",
                    models.CharField(choices=[("OPEN", "open"), ("GRANTED", "granted")], default="OPEN", max_length=10),
                ),
                ("asked_micros", models.BigIntegerField()),
                ("spent_micros", models.BigIntegerField(default=0)),
                ("is_on_the_house", models.BooleanField(default=False)),
                ("entry_key", models.CharField(blank=True, max_length=200, null=True, unique=True)),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("granted_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["wallet", "state"], name="gate_of_wallet"),
                    models.Index(fields=["state", "opened_at"], name="gate_waiting"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("album__isnull", False), ("track__isnull", True)),
                            models.Q(("album__isnull", True), ("track__isnull", False)),
                            _connector="OR",
                        ),
                        name="gate_is_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("asked_micros__gte", 0), ("spent_micros__gte", 0)),
                        name="gate_amounts_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("entry_key", None), ("granted_at", None), ("spent_micros", 0), ("state", "OPEN")),
                            models.Q(
                                ("entry_key__isnull", False),
                                ("granted_at__isnull", False),
                                ("spent_micros__gt", 0),
                                ("state", "GRANTED"),
                            ),
                            models.Q(
                                ("entry_key", None),
                                ("granted_at__isnull", False),
                                ("spent_micros", 0),
                                ("state", "GRANTED"),
                            ),
                            _connector="OR",
                        ),
                        name="gate_granted_has_its_entry",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GateView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "gate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="views", to="store.gate"
                    ),
                ),
                ("token_id", models.UUIDField(unique=True)),
                ("price_micros", models.BigIntegerField()),
                ("offered_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["offered_at", "id"],
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="StripeEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("event_id", models.CharField(max_length=100, unique=True)),
                ("type", models.CharField(max_length=80)),
                ("payload", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[("RECEIVED", "waiting"), ("PROCESSED", "done"), ("PARKED", "needs a person")],
                        default="RECEIVED",
                        max_length=10,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("error", models.TextField(blank=True, default="")),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("next_try_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("processed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["state", "next_try_at"], name="event_waiting")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("processed_at__isnull", False), ("state", "PROCESSED")),
                            models.Q(("state", "PROCESSED"), _negated=True),
                            _connector="OR",
                        ),
                        name="event_processed_has_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="orders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
                ("email", models.EmailField(blank=True, default="", max_length=254)),
                (
                    "kind",
                    models.CharField(
                        choices=[("SALE", "sale"), ("PREORDER", "pre-order"), ("DEPOSIT", "deposit")],
                        default="SALE",
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PENDING", "waiting for payment"),
                            ("PAID", "paid"),
                            ("REFUNDED", "refunded"),
                            ("CANCELLED", "cancelled"),
                        ],
                        default="PENDING",
                        max_length=10,
                    ),
                ),
                ("unit", models.CharField(max_length=3)),
                ("price_micros", models.BigIntegerField()),
                ("tax_micros", models.BigIntegerField(default=0)),
                ("total_micros", models.BigIntegerField()),
                (
                    "refunded_micros",
                    models.BigIntegerField(default=0, help_text="What was given back and did not come back."),
                ),
                (
                    "returned_micros",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="What was given back, and sent back to us by the card's bank.",
                    ),
                ),
                ("charged_back_micros", models.BigIntegerField(default=0, help_text="What lost disputes took.")),
                (
                    "fee_micros",
                    models.BigIntegerField(
                        blank=True, help_text="Stripe's fee; empty until Stripe tells it.", null=True
                    ),
                ),
                ("country", models.CharField(blank=True, default="", max_length=2)),
                ("checkout_session", models.CharField(blank=True, max_length=100, null=True, unique=True)),
                ("checkout_url", models.TextField(blank=True, default="")),
                ("payment_intent", models.CharField(blank=True, db_index=True, default="", max_length=100)),
                ("balance_transaction", models.CharField(blank=True, default="", max_length=100)),
                (
                    "problem",
                    models.TextField(
                        blank=True, default="", help_text="What a person must look at; empty when all is well."
                    ),
                ),
                ("placed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "next_check_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When to ask Stripe what became of it, or for its fee; empty: nothing to ask.",
                        null=True,
                    ),
                ),
                ("checks", models.PositiveIntegerField(default=0)),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_check_at__isnull", False)),
                        fields=["next_check_at"],
                        name="order_waiting",
                    ),
                    models.Index(condition=models.Q(("paid_at__isnull", False)), fields=["paid_at"], name="order_paid"),
                    models.Index(fields=["user", "placed_at"], name="order_of_user"),
                    models.Index(
                        condition=models.Q(("guest_key", ""), _negated=True),
                        fields=["guest_key"],
                        name="order_of_guest",
                    ),
                    models.Index(condition=models.Q(("user", None)), fields=["email"], name="order_of_guest_address"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("price_micros__gte", 0),
                            ("tax_micros__gte", 0),
                            ("total_micros__gte", models.F("tax_micros")),
                        ),
                        name="order_amounts_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("refunded_micros__gte", 0), ("refunded_micros__lte", models.F("total_micros"))
                        ),
                        name="order_refund_within_total",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("returned_micros__gte", 0)), name="order_returned_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("charged_back_micros__gte", 0)), name="order_charge_back_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("paid_at__isnull", False), ("state__in", ["PAID", "REFUNDED"])),
                            models.Q(("paid_at__isnull", True), ("state__in", ["PENDING", "CANCELLED"])),
                            _connector="OR",
                        ),
                        name="order_paid_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stripe_id", models.CharField(max_length=100, unique=True)),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="store.order"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("INQUIRY", "inquiry"),
                            ("OPEN", "open"),
                            ("WON", "won"),
                            ("LOST", "lost"),
                            ("CLOSED", "closed without a claim"),
                        ],
                        max_length=10,
                    ),
                ),
                ("status", models.CharField(help_text="Stripe's own word for it.", max_length=40)),
                ("reason", models.CharField(blank=True, default="", max_length=60)),
                ("unit", models.CharField(max_length=3)),
                ("amount_micros", models.BigIntegerField()),
                (
                    "withdrawal",
                    models.CharField(blank=True, default="", help_text="Stripe's balance transaction.", max_length=100),
                ),
                ("withdrawn_micros", models.BigIntegerField(default=0)),
                (
                    "fee_micros",
                    models.BigIntegerField(default=0, help_text="What Stripe kept for it, less what it gave back."),
                ),
                (
                    "reinstatement",
                    models.CharField(blank=True, default="", help_text="Stripe's balance transaction.", max_length=100),
                ),
                ("reinstated_micros", models.BigIntegerField(default=0)),
                ("lost_micros", models.BigIntegerField(default=0)),
                ("due_by", models.DateTimeField(blank=True, help_text="Until when evidence can be sent.", null=True)),
                ("opened_at", models.DateTimeField(help_text="When the cardholder's bank opened it.")),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-opened_at", "-pk"],
                "indexes": [models.Index(fields=["status", "due_by"], name="dispute_waiting")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_micros__gt", 0),
                            ("lost_micros__gte", 0),
                            ("reinstated_micros__gte", 0),
                            ("withdrawn_micros__gte", 0),
                            (
                                "withdrawn_micros__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("reinstated_micros"), "+", models.F("lost_micros")
                                ),
                            ),
                        ),
                        name="dispute_amounts_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("fee_micros", 0), ("reinstatement", ""), ("withdrawal", ""), ("withdrawn_micros", 0)
                            ),
                            models.Q(models.Q(("withdrawal", ""), _negated=True), ("withdrawn_micros__gt", 0)),
                            _connector="OR",
                        ),
                        name="dispute_withdrawal_has_its_transaction",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reinstated_micros", 0), ("reinstatement", "")),
                            models.Q(models.Q(("reinstatement", ""), _negated=True), ("reinstated_micros__gt", 0)),
                            _connector="OR",
                        ),
                        name="dispute_reinstatement_has_its_transaction",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at", None), ("state__in", ["INQUIRY", "OPEN"])),
                            models.Q(("closed_at__isnull", False), ("state__in", ["WON", "LOST", "CLOSED"])),
                            _connector="OR",
                        ),
                        name="dispute_closed_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DepositRefund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "advertiser",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deposit_refunds", to="ads.advertiser"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deposit_refunds", to="store.order"
                    ),
                ),
                ("unit", models.CharField(max_length=3)),
                ("amount_micros", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("WANTED", "on its way"), ("REFUNDED", "given back"), ("FAILED", "failed")],
                        default="WANTED",
                        max_length=10,
                    ),
                ),
                (
                    "attempt",
                    models.PositiveIntegerField(default=0, help_text="How often it was tried with a key of its own."),
                ),
                ("idempotency_key", models.CharField(blank=True, max_length=100, null=True, unique=True)),
                (
                    "provider_id",
                    models.CharField(blank=True, help_text="Stripe's refund.", max_length=100, null=True, unique=True),
                ),
                ("problem", models.CharField(blank=True, default="", max_length=500)),
                (
                    "wanted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("wanted_at", models.DateTimeField()),
                (
                    "sent_at",
                    models.DateTimeField(blank=True, help_text="When Stripe was first asked with this key.", null=True),
                ),
                ("next_try_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-wanted_at", "-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "WANTED")), fields=["next_try_at"], name="deposit_refund_waiting"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_micros__gt", 0)), name="deposit_refund_gives_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("state", "WANTED")),
                            models.Q(models.Q(("state", "WANTED"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="deposit_refund_ended_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "REFUNDED"), _negated=True),
                            ("provider_id__isnull", False),
                            _connector="OR",
                        ),
                        name="deposit_refund_names_stripes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "FAILED"), _negated=True),
                            models.Q(("problem", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="deposit_refund_failed_says_why",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "WANTED")),
                        fields=("order",),
                        name="one_deposit_refund_on_its_way_an_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="store.order"
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[("ALBUM", "album"), ("TRACK", "track"), ("DEPOSIT", "deposit")], max_length=10
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_lines",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_lines",
                        to="artists.track",
                    ),
                ),
                (
                    "advertiser",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deposit_lines",
                        to="ads.advertiser",
                    ),
                ),
                ("title", models.CharField(max_length=300)),
                ("facts", models.JSONField(blank=True, default=dict)),
                ("price_micros", models.BigIntegerField()),
                (
                    "discount",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_lines",
                        to="store.discount",
                    ),
                ),
                (
                    "discount_micros",
                    models.BigIntegerField(db_default=0, default=0, help_text="What its code took off."),
                ),
                ("net_micros", models.BigIntegerField(blank=True, null=True)),
                ("shares", models.JSONField(blank=True, default=list)),
                ("policy_version", models.PositiveIntegerField()),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("advertiser", None), ("album__isnull", False), ("kind", "ALBUM"), ("track", None)
                            ),
                            models.Q(
                                ("advertiser", None), ("album", None), ("kind", "TRACK"), ("track__isnull", False)
                            ),
                            models.Q(
                                ("advertiser__isnull", False), ("album", None), ("kind", "DEPOSIT"), ("track", None)
                            ),
                            _connector="OR",
                        ),
                        name="order_line_is_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("price_micros__gte", 0)), name="order_line_price_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("discount", None), ("discount_micros", 0)),
                            models.Q(("discount__isnull", False), ("discount_micros__gt", 0)),
                            _connector="OR",
                        ),
                        name="order_line_discount_has_its_code",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="CartItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artists.track",
                    ),
                ),
                ("price_micros", models.BigIntegerField()),
                (
                    "discount",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="store.discount",
                    ),
                ),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["added_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("album__isnull", False), ("track__isnull", True)),
                            models.Q(("album__isnull", True), ("track__isnull", False)),
                            _connector="OR",
                        ),
                        name="cart_item_is_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("guest_key", ""), ("user__isnull", False)),
                            models.Q(("user", None), models.Q(("guest_key", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="cart_item_has_one_owner",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user__isnull", False)),
                        fields=("user", "album"),
                        name="cart_album_once_a_user",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user__isnull", False)),
                        fields=("user", "track"),
                        name="cart_track_once_a_user",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user", None)),
                        fields=("guest_key", "album"),
                        name="cart_album_once_a_guest",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user", None)),
                        fields=("guest_key", "track"),
                        name="cart_track_once_a_guest",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="LibraryItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="library",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="library_items",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="library_items",
                        to="artists.track",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("ORDER", "bought"),
                            ("CREDITS", "paid with credits"),
                            ("GIFT", "gift"),
                            ("CODE", "download code"),
                            ("FREE", "free"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "order_line",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="library_items",
                        to="store.orderline",
                    ),
                ),
                (
                    "gate",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="library_items",
                        to="store.gate",
                    ),
                ),
                (
                    "download_code",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="library_item",
                        to="store.downloadcode",
                    ),
                ),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["user", "added_at"], name="library_of_user"),
                    models.Index(
                        condition=models.Q(("guest_key", ""), _negated=True),
                        fields=["guest_key"],
                        name="library_of_guest",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("album__isnull", False), ("track__isnull", True)),
                            models.Q(("album__isnull", True), ("track__isnull", False)),
                            _connector="OR",
                        ),
                        name="library_item_is_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("guest_key", ""), ("user__isnull", False)),
                            models.Q(("user", None), models.Q(("guest_key", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="library_item_has_one_owner",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("order_line__isnull", False), ("reason", "ORDER")),
                            models.Q(("gate__isnull", False), ("reason", "CREDITS")),
                            models.Q(("download_code__isnull", False), ("reason", "CODE")),
                            ("reason__in", ["GIFT", "FREE"]),
                            _connector="OR",
                        ),
                        name="library_item_has_its_reason",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user__isnull", False)),
                        fields=("user", "album"),
                        name="library_album_once_a_user",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user__isnull", False)),
                        fields=("user", "track"),
                        name="library_track_once_a_user",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user", None)),
                        fields=("guest_key", "album"),
                        name="library_album_once_a_guest",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user", None)),
                        fields=("guest_key", "track"),
                        name="library_track_once_a_guest",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Download",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downloads",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="downloads",
                        to="artists.track",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("ORDER", "bought"),
                            ("CREDITS", "paid with credits"),
                            ("GIFT", "gift"),
                            ("CODE", "download code"),
                            ("FREE", "free"),
                        ],
                        max_length=10,
                    ),
                ),
                ("recipe", models.CharField(max_length=20)),
                ("size_bytes", models.BigIntegerField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["at"], name="download_time"),
                    models.Index(fields=["album", "at"], name="download_of_album"),
                    models.Index(fields=["track", "at"], name="download_of_track"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("album__isnull", False), ("track__isnull", True)),
                            models.Q(("album__isnull", True), ("track__isnull", False)),
                            _connector="OR",
                        ),
                        name="download_is_one_thing",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PreOrder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="preorder", to="store.order"
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="preorders", to="artists.album"
                    ),
                ),
                ("promised_for", models.DateTimeField(help_text="When it was said to be out when it was ordered.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "not out yet"),
                            ("DELIVERED", "delivered"),
                            ("ENDING", "money on its way back"),
                            ("ENDED", "money given back"),
                        ],
                        default="WAITING",
                        max_length=10,
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("CANCELLED", "you cancelled it"),
                            ("WITHDRAWN", "the artist took the announcement back"),
                            ("MOVED", "its day was moved by more than 90 days"),
                            ("LATE", "it was not out two weeks after its day"),
                            ("OWNED", "you have it already"),
                            ("PARTLY", "a part of the money was given back before"),
                            ("NOBODY", "there is no library any more to put it into"),
                            ("TAKEN", "the payment was taken back"),
                        ],
                        default="",
                        help_text="Why it ended.",
                        max_length=10,
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(default=0, help_text="How often Stripe refused to give it back."),
                ),
                ("problem", models.CharField(blank=True, default="", max_length=500)),
                (
                    "next_try_at",
                    models.DateTimeField(
                        blank=True, help_text="When Stripe is asked to give the money back.", null=True
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["promised_for", "pk"],
                "indexes": [
                    models.Index(condition=models.Q(("state", "WAITING")), fields=["album"], name="preorder_waiting"),
                    models.Index(
                        condition=models.Q(("state", "ENDING")), fields=["next_try_at"], name="preorder_ending"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("next_try_at", None), ("state", "WAITING"), ("why", "")),
                            models.Q(
                                ("ended_at__isnull", False), ("next_try_at", None), ("state", "DELIVERED"), ("why", "")
                            ),
                            models.Q(
                                ("ended_at", None),
                                ("next_try_at__isnull", False),
                                ("state", "ENDING"),
                                models.Q(("why", ""), _negated=True),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("next_try_at", None),
                                ("state", "ENDED"),
                                models.Q(("why", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="preorder_says_how_it_stands",
                    )
                ],
            },
        ),
    ]
