"""Budgets are leased, views are weighed, stages are counted and traffic is looked at; what was counted keeps its price."""

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ads", "0006_advertiser_stopped"),
        ("artists", "0003_moods_and_languages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AskedHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "place",
                    models.CharField(
                        choices=[
                            ("gate", "Before a free download"),
                            ("player", "In the player"),
                            ("page", "On artist, album and track pages"),
                            ("megakey", "In the Megakey extension"),
                        ],
                        max_length=10,
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("asked", models.PositiveBigIntegerField(default=0)),
                ("filled", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="BudgetLease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("holder", models.CharField(help_text="The process that spends it.", max_length=100)),
                ("granted_micros", models.BigIntegerField()),
                ("billed_micros", models.BigIntegerField(default=0)),
                ("day", models.DateField(help_text="The UTC day whose cap it was granted from.")),
                ("granted_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("returns_at", models.DateTimeField()),
                ("returned_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="DayKey",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("key", models.BinaryField(blank=True, null=True)),
                ("destroyed_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Invalidation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("criteria", models.JSONField()),
                ("reason", models.CharField(max_length=40)),
                ("note", models.CharField(blank=True, default="", max_length=500)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "at work"), ("DONE", "done"), ("STOPPED", "stopped")],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("through", models.BigIntegerField()),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PrefixCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(db_index=True)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("n", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Spike",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scope",
                    models.CharField(
                        help_text="What kind of thing it is about: campaign, artist, place ...", max_length=20
                    ),
                ),
                ("key", models.CharField(help_text="Which one.", max_length=100)),
                ("hour", models.DateTimeField()),
                ("seen", models.PositiveBigIntegerField(help_text="Views in that hour.")),
                ("usual", models.PositiveBigIntegerField(help_text="Views in such an hour as a rule.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("OPEN", "to be looked at"),
                            ("CLEARED", "found harmless"),
                            ("INVALID", "found invalid"),
                        ],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="StageHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "place",
                    models.CharField(
                        choices=[
                            ("gate", "Before a free download"),
                            ("player", "In the player"),
                            ("page", "On artist, album and track pages"),
                            ("megakey", "In the Megakey extension"),
                        ],
                        max_length=10,
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("started", models.PositiveBigIntegerField(default=0)),
                ("first_quarter", models.PositiveBigIntegerField(default=0)),
                ("half", models.PositiveBigIntegerField(default=0)),
                ("third_quarter", models.PositiveBigIntegerField(default=0)),
                ("completed", models.PositiveBigIntegerField(default=0)),
                ("skipped", models.PositiveBigIntegerField(default=0)),
                ("clicked", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="StreamOffset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("last_id", models.CharField(default="0-0", max_length=50)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="campaign",
            name="campaign_is_paid_or_house",
        ),
        migrations.RemoveConstraint(
            model_name="campaign",
            name="campaign_within_budget",
        ),
        migrations.AddField(
            model_name="campaign",
            name="artist",
            field=models.ForeignKey(
                blank=True,
                help_text="Who is promoted.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="promotions",
                to="artists.artist",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="hours",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], output_field=models.JSONField()),
                default=list,
                help_text="Hours of the UTC day; empty: all.",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="languages",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], output_field=models.JSONField()),
                default=list,
                help_text="What the music is sung in, ISO codes; empty: any.",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="leased_micros",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Held by open leases and not billed by them yet."
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="moods",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], output_field=models.JSONField()),
                default=list,
                help_text="Beside or for which music; empty: any.",
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="pacing",
            field=models.CharField(
                choices=[("EVEN", "evenly until its last day"), ("FAST", "as fast as it can")],
                db_default="EVEN",
                default="EVEN",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="pass_permille",
            field=models.BigIntegerField(
                db_default=1000, default=1000, help_text="Of 1 000 chances, how many it takes: pacing."
            ),
        ),
        migrations.AddField(
            model_name="campaignday",
            name="leased_micros",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="impression",
            name="lease_id",
            field=models.BigIntegerField(
                blank=True, editable=False, help_text="The lease that paid for it; empty: the budget itself.", null=True
            ),
        ),
        migrations.AddField(
            model_name="impression",
            name="offered_micros",
            field=models.BigIntegerField(db_default=0, default=0, help_text="The price in the token."),
        ),
        migrations.AddField(
            model_name="impression",
            name="prefix_hash",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Artist, network prefix and day, hashed.",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="impression",
            name="weight_permille",
            field=models.BigIntegerField(
                db_default=1000, default=1000, help_text="How much of the offered price is charged."
            ),
        ),
        migrations.AddField(
            model_name="wallet",
            name="proven_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Since when it is known to be a person's: a confirmed account, or a purchase.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="campaign",
            name="kind",
            field=models.CharField(
                choices=[("PAID", "paid"), ("CROSS", "artist's cross-promotion"), ("HOUSE", "house ad")],
                default="PAID",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="impression",
            name="price_micros",
            field=models.BigIntegerField(help_text="What is charged."),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("advertiser__isnull", True),
                        ("artist__isnull", True),
                        ("budget_micros", 0),
                        ("cpm_micros", 0),
                        ("kind", "HOUSE"),
                    ),
                    models.Q(
                        ("advertiser__isnull", True),
                        ("artist__isnull", False),
                        ("budget_micros", 0),
                        ("cpm_micros", 0),
                        ("kind", "CROSS"),
                    ),
                    models.Q(
                        ("advertiser__isnull", False),
                        ("artist__isnull", True),
                        ("budget_micros__range", (0, 100000000000)),
                        ("cpm_micros__range", (10000, 1000000000)),
                        ("kind", "PAID"),
                    ),
                    _connector="OR",
                ),
                name="campaign_is_paid_cross_or_house",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "budget_micros__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("spent_micros"), "+", models.F("leased_micros")
                        ),
                    ),
                    ("leased_micros__gte", 0),
                    ("spent_micros__gte", 0),
                ),
                name="campaign_within_budget_and_leases",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("pass_permille__range", (0, 1000))), name="campaign_passes_a_part"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignday",
            constraint=models.CheckConstraint(
                condition=models.Q(("leased_micros__gte", 0)), name="campaign_day_leases_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="impression",
            constraint=models.CheckConstraint(
                condition=models.Q(("offered_micros__gte", 0), ("weight_permille__range", (0, 1000))),
                name="impression_weight_is_a_part",
            ),
        ),
        migrations.AddConstraint(
            model_name="askedhour",
            constraint=models.UniqueConstraint(fields=("place", "hour"), name="one_row_per_asked_hour"),
        ),
        migrations.AddConstraint(
            model_name="askedhour",
            constraint=models.CheckConstraint(
                condition=models.Q(("asked__gte", models.F("filled"))), name="asked_hour_fills_what_was_asked"
            ),
        ),
        migrations.AddField(
            model_name="budgetlease",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="leases", to="ads.campaign"
            ),
        ),
        migrations.AddConstraint(
            model_name="daykey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("destroyed_at__isnull", True), ("key__isnull", False)),
                    models.Q(("destroyed_at__isnull", False), ("key__isnull", True)),
                    _connector="OR",
                ),
                name="day_key_is_there_or_destroyed",
            ),
        ),
        migrations.AddField(
            model_name="invalidation",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="spike",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="stagehour",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="stages", to="ads.campaign"
            ),
        ),
        migrations.AddIndex(
            model_name="budgetlease",
            index=models.Index(
                condition=models.Q(("returned_at__isnull", True)), fields=["returns_at"], name="lease_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetlease",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("billed_micros__gte", 0),
                    ("granted_micros__gt", 0),
                    ("granted_micros__gte", models.F("billed_micros")),
                ),
                name="lease_bills_what_was_granted",
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetlease",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("granted_at")), ("returns_at__gte", models.F("ends_at"))),
                name="lease_times_in_order",
            ),
        ),
        migrations.AddIndex(
            model_name="invalidation",
            index=models.Index(condition=models.Q(("state", "OPEN")), fields=["created_at"], name="invalidation_open"),
        ),
        migrations.AddConstraint(
            model_name="invalidation",
            constraint=models.CheckConstraint(
                condition=models.Q(("total__gte", models.F("done"))), name="invalidation_does_what_it_counted"
            ),
        ),
        migrations.AddConstraint(
            model_name="invalidation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("state", "OPEN")),
                    models.Q(models.Q(("state", "OPEN"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="invalidation_ended_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="invalidation",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="invalidation_has_a_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="spike",
            index=models.Index(condition=models.Q(("state", "OPEN")), fields=["hour"], name="spike_open"),
        ),
        migrations.AddConstraint(
            model_name="spike",
            constraint=models.UniqueConstraint(fields=("scope", "key", "hour"), name="one_spike_an_hour"),
        ),
        migrations.AddConstraint(
            model_name="spike",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("state", "OPEN")),
                    models.Q(models.Q(("state", "OPEN"), _negated=True), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="spike_decided_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="stagehour",
            constraint=models.UniqueConstraint(fields=("campaign", "place", "hour"), name="one_row_per_stage_hour"),
        ),
        # Until now every view cost what its token offered.
        migrations.RunSQL("UPDATE ads_impression SET offered_micros = price_micros", migrations.RunSQL.noop),
    ]
