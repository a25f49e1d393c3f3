"""All tables of the room as they are, in one step; a site that has some of what it replaces goes on with the rest."""

import uuid

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def number_the_views(apps, schema_editor):
    """PostgreSQL numbers views from a sequence; SQLite counts."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE SEQUENCE ads_impression_number OWNED BY ads_impression.number")


class Migration(migrations.Migration):
    replaces = [
        ("ads", "0001_initial"),
        ("ads", "0002_campaign_stops_and_tries"),
        ("ads", "0003_views_stand_in_line"),
        ("ads", "0004_number_the_views"),
        ("ads", "0005_views_name_no_group"),
        ("ads", "0006_advertiser_stopped"),
        ("ads", "0007_leases_weights_and_suspicion"),
        ("ads", "0008_cross_promotion"),
        ("ads", "0009_seen_hours"),
        ("ads", "0010_megakey"),
        ("ads", "0011_sites"),
        ("ads", "0012_reports_that_are_parked"),
        ("ads", "0013_campaign_settled"),
        ("ads", "0014_orders_are_given_up"),
        ("ads", "0015_records_that_were_looked_up"),
        ("ads", "0016_loose_files"),
    ]

    initial = True

    dependencies = [
        ("artists", "0001_squashed_0016_split_signatures"),
        ("users", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Advertiser",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="advertisers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "stopped_at",
                    models.DateTimeField(
                        blank=True, help_text="Since when nothing of theirs is shown: a payment is disputed.", null=True
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("owner"),
                        django.db.models.functions.text.Lower("name"),
                        name="one_advertiser_per_owner_and_name",
                    )
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "advertiser",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="campaigns",
                        to="ads.advertiser",
                    ),
                ),
                (
                    "artist",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who is promoted.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotions",
                        to="artists.artist",
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        help_text="What of theirs is promoted; it is shown as long as everybody may see the album.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotions",
                        to="artists.album",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("PAID", "paid"), ("CROSS", "artist's cross-promotion"), ("HOUSE", "house ad")],
                        default="PAID",
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[("DRAFT", "draft"), ("LIVE", "live"), ("PAUSED", "paused"), ("ENDED", "ended")],
                        default="DRAFT",
                        max_length=10,
                    ),
                ),
                ("budget_micros", models.BigIntegerField(default=0)),
                (
                    "spent_micros",
                    models.BigIntegerField(default=0, help_text="Prices of all viewed impressions, settled or not."),
                ),
                (
                    "leased_micros",
                    models.BigIntegerField(
                        db_default=0, default=0, help_text="Held by open leases and not billed by them yet."
                    ),
                ),
                (
                    "settled_micros",
                    models.BigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="The part of what was spent that is billed: what its groups say stands.",
                    ),
                ),
                ("daily_cap_micros", models.BigIntegerField(blank=True, null=True)),
                ("cpm_micros", models.BigIntegerField(help_text="Price of a thousand viewed impressions.")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("places", models.JSONField(default=list, help_text="Where it may be shown.")),
                (
                    "genres",
                    models.JSONField(blank=True, default=list, help_text="Beside or for which music; empty: any."),
                ),
                (
                    "beside_artists",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value([], output_field=models.JSONField()),
                        default=list,
                        help_text="Ids of artists beside whose music it may be shown too; empty: the genres decide.",
                    ),
                ),
                ("countries", models.JSONField(blank=True, default=list, help_text="ISO codes; empty: any.")),
                (
                    "moods",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value([], output_field=models.JSONField()),
                        default=list,
                        help_text="Beside or for which music; empty: any.",
                    ),
                ),
                (
                    "languages",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value([], output_field=models.JSONField()),
                        default=list,
                        help_text="What the music is sung in, ISO codes; empty: any.",
                    ),
                ),
                (
                    "hours",
                    models.JSONField(
                        blank=True,
                        db_default=models.Value([], output_field=models.JSONField()),
                        default=list,
                        help_text="Hours of the UTC day; empty: all.",
                    ),
                ),
                (
                    "pacing",
                    models.CharField(
                        choices=[("EVEN", "evenly until its last day"), ("FAST", "as fast as it can")],
                        db_default="EVEN",
                        default="EVEN",
                        max_length=10,
                    ),
                ),
                (
                    "pass_permille",
                    models.BigIntegerField(
                        db_default=1000, default=1000, help_text="Of 1 000 chances, how many it takes: pacing."
                    ),
                ),
                (
                    "frequency_cap",
                    models.PositiveSmallIntegerField(default=10, help_text="Views per listener and day."),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("went_live_at", models.DateTimeField(blank=True, null=True)),
                (
                    "stopped_at",
                    models.DateTimeField(blank=True, help_text="When it was last paused or ended.", null=True),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["state", "starts_at"], name="campaign_state")],
                "constraints": [
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            django.db.models.expressions.CombinedExpression(
                                models.F("cpm_micros"), "%%", models.Value(1000)
                            ),
                            0,
                        ),
                        name="campaign_price_is_exact",
                    ),
                    models.CheckConstraint(
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
                    models.CheckConstraint(
                        condition=models.Q(
                            ("settled_micros__gte", 0), ("settled_micros__lte", models.F("spent_micros"))
                        ),
                        name="campaign_settles_what_was_spent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pass_permille__range", (0, 1000))), name="campaign_passes_a_part"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("daily_cap_micros__isnull", True), ("daily_cap_micros__gt", 0), _connector="OR"
                        ),
                        name="campaign_cap_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__isnull", True), ("ends_at__gt", models.F("starts_at")), _connector="OR"
                        ),
                        name="campaign_dates_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("frequency_cap__range", (1, 100))), name="campaign_frequency_sane"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", False), ("state", "ENDED")),
                            models.Q(models.Q(("state", "ENDED"), _negated=True), ("ended_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="campaign_ended_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Ad",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ads", to="ads.campaign"
                    ),
                ),
                (
                    "kind",
                    models.CharField(choices=[("IMAGE", "image"), ("AUDIO", "audio"), ("TEXT", "text")], max_length=10),
                ),
                ("title", models.CharField(max_length=80)),
                ("body", models.CharField(blank=True, default="", max_length=300)),
                ("click_url", models.URLField(blank=True, default="", max_length=500)),
                ("transcript", models.TextField(blank=True, default="", max_length=2000)),
                (
                    "alt",
                    models.CharField(
                        blank=True, default="", help_text="What the image shows, in words.", max_length=200
                    ),
                ),
                (
                    "media_state",
                    models.CharField(
                        choices=[("WANTED", "being made"), ("READY", "ready"), ("FAILED", "not usable")],
                        default="READY",
                        max_length=10,
                    ),
                ),
                ("media_reason", models.CharField(blank=True, default="", max_length=300)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "incoming",
                    models.CharField(blank=True, default="", help_text="The file as it was sent.", max_length=200),
                ),
                (
                    "path",
                    models.CharField(blank=True, default="", help_text="The file as it is shown.", max_length=200),
                ),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("width", models.PositiveIntegerField(default=0)),
                ("height", models.PositiveIntegerField(default=0)),
                ("duration_ms", models.PositiveIntegerField(help_text="How long a gate view of it takes.")),
                (
                    "review",
                    models.CharField(
                        choices=[
                            ("DRAFT", "not sent yet"),
                            ("PENDING", "waiting for review"),
                            ("APPROVED", "approved"),
                            ("REFUSED", "refused"),
                            ("WITHDRAWN", "taken out"),
                        ],
                        default="DRAFT",
                        max_length=10,
                    ),
                ),
                ("review_reason", models.CharField(blank=True, default="", max_length=500)),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="reviewed_ads",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("media_state", "WANTED")), fields=["created_at"], name="ad_file_wanted"
                    ),
                    models.Index(
                        condition=models.Q(("review", "PENDING")), fields=["created_at"], name="ad_review_pending"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("duration_ms__gt", 0)), name="ad_has_a_length"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "TEXT"),
                            models.Q(("media_state", "READY"), _negated=True),
                            models.Q(("path", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="ad_ready_has_a_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("review", "REFUSED"), _negated=True),
                            models.Q(("review_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="ad_refused_says_why",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LooseFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=200, unique=True)),
                ("since", models.DateTimeField()),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="CampaignDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="days", to="ads.campaign"
                    ),
                ),
                ("day", models.DateField()),
                ("spent_micros", models.BigIntegerField(default=0)),
                ("leased_micros", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "day"), name="one_row_per_campaign_day"),
                    models.CheckConstraint(
                        condition=models.Q(("spent_micros__gte", 0)), name="campaign_day_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("leased_micros__gte", 0)), name="campaign_day_leases_not_negative"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="BudgetLease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="leases", to="ads.campaign"
                    ),
                ),
                ("holder", models.CharField(help_text="The process that spends it.", max_length=100)),
                ("granted_micros", models.BigIntegerField()),
                ("billed_micros", models.BigIntegerField(default=0)),
                ("day", models.DateField(help_text="The UTC day whose cap it was granted from.")),
                ("granted_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("returns_at", models.DateTimeField()),
                ("returned_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("returned_at__isnull", True)), fields=["returns_at"], name="lease_open"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("billed_micros__gte", 0),
                            ("granted_micros__gt", 0),
                            ("granted_micros__gte", models.F("billed_micros")),
                        ),
                        name="lease_bills_what_was_granted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__gt", models.F("granted_at")), ("returns_at__gte", models.F("ends_at"))
                        ),
                        name="lease_times_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AdEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_id", models.UUIDField()),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("started", "started"),
                            ("viewed", "viewed"),
                            ("completed", "completed"),
                            ("skipped", "skipped"),
                            ("clicked", "clicked"),
                        ],
                        max_length=10,
                    ),
                ),
                ("payload_hash", models.CharField(max_length=64)),
                (
                    "campaign",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="ads.campaign"),
                ),
                ("at", models.DateTimeField(db_index=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("token_id", "stage"), name="one_event_per_token_and_stage")
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="StreamOffset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("last_id", models.CharField(default="0-0", max_length=50)),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="ParkedReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stream", models.CharField(max_length=100)),
                ("entry_id", models.CharField(max_length=50)),
                ("entry", models.JSONField(help_text="All it said, field by field.")),
                ("problem", models.CharField(max_length=300)),
                ("parked_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("stream", "entry_id"), name="one_parked_report_per_entry")
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="ServedHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="served", to="ads.campaign"
                    ),
                ),
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
                ("count", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "place", "hour"), name="one_row_per_served_hour")
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="StageHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="stages", to="ads.campaign"
                    ),
                ),
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
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "place", "hour"), name="one_row_per_stage_hour")
                ],
                "indexes": [],
            },
        ),
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
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("place", "hour"), name="one_row_per_asked_hour"),
                    models.CheckConstraint(
                        condition=models.Q(("asked__gte", models.F("filled"))), name="asked_hour_fills_what_was_asked"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Wallet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="wallet",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("guest_key", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merged_from",
                        to="ads.wallet",
                    ),
                ),
                ("open_view", models.UUIDField(blank=True, null=True)),
                (
                    "proven_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Since when it is known to be a person's: a confirmed account, or a purchase.",
                        null=True,
                    ),
                ),
                ("blocked_at", models.DateTimeField(blank=True, null=True)),
                ("blocked_reason", models.CharField(blank=True, default="", max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("guest_key__isnull", True), ("user__isnull", True)),
                            models.Q(("merged_into__isnull", True), ("user__isnull", True)),
                            models.Q(("guest_key__isnull", True), ("merged_into__isnull", True)),
                            _connector="OR",
                        ),
                        name="wallet_has_one_holder",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("guest_key", ""), _negated=True), name="wallet_guest_key_not_empty"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="BookDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "open"), ("CLOSED", "closed"), ("FINAL", "final")],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("final_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("final_at__isnull", True), ("state", "OPEN")),
                            models.Q(("closed_at__isnull", False), ("final_at__isnull", True), ("state", "CLOSED")),
                            models.Q(("closed_at__isnull", False), ("final_at__isnull", False), ("state", "FINAL")),
                            _connector="OR",
                        ),
                        name="book_day_times_follow_state",
                    )
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Settlement",
            fields=[
                ("through", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="ImpressionGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="groups", to="ads.campaign"
                    ),
                ),
                ("beneficiary", models.CharField(max_length=60)),
                ("day", models.DateField()),
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
                (
                    "artist",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="artists.artist",
                    ),
                ),
                ("shares", models.JSONField(blank=True, default=list)),
                ("policy_version", models.PositiveIntegerField()),
                ("count", models.PositiveBigIntegerField(default=0)),
                ("gross_micros", models.BigIntegerField(default=0)),
                ("posted_micros", models.BigIntegerField(default=0)),
                ("postings_count", models.PositiveIntegerField(default=0)),
                ("billed_through", models.BigIntegerField(db_index=True, default=0)),
                ("rejected_count", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["day"], name="group_day")],
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "beneficiary", "day"), name="one_group_per_day"),
                    models.CheckConstraint(
                        condition=models.Q(("gross_micros__gte", 0), ("gross_micros__lte", models.F("posted_micros"))),
                        name="group_gross_was_posted",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GroupEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="ads.impressiongroup",
                    ),
                ),
                ("n", models.PositiveIntegerField()),
                ("after", models.BigIntegerField()),
                ("through", models.BigIntegerField()),
                ("count", models.PositiveBigIntegerField()),
                ("posted_micros", models.BigIntegerField()),
                ("gross_micros", models.BigIntegerField()),
            ],
            options={
                "verbose_name_plural": "group entries",
                "constraints": [
                    models.UniqueConstraint(fields=("group", "n"), name="group_entry_once"),
                    models.UniqueConstraint(fields=("group", "through"), name="group_entry_ends_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("after__gte", 0),
                            ("count__gt", 0),
                            ("n__gt", 0),
                            ("posted_micros__gt", 0),
                            ("through__gt", models.F("after")),
                        ),
                        name="group_entry_bills_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("gross_micros__gte", 0), ("gross_micros__lte", models.F("posted_micros"))),
                        name="group_entry_gross_was_posted",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Impression",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="impressions",
                        to="ads.campaign",
                    ),
                ),
                (
                    "ad",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="impressions", to="ads.ad"
                    ),
                ),
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
                ("mode", models.CharField(default="visible", help_text="visible, audio or reading", max_length=10)),
                ("price_micros", models.BigIntegerField(help_text="What is charged.")),
                (
                    "offered_micros",
                    models.BigIntegerField(db_default=0, default=0, help_text="The price in the token."),
                ),
                (
                    "weight_permille",
                    models.BigIntegerField(
                        db_default=1000, default=1000, help_text="How much of the offered price is charged."
                    ),
                ),
                (
                    "lease_id",
                    models.BigIntegerField(
                        blank=True,
                        editable=False,
                        help_text="The lease that paid for it; empty: the budget itself.",
                        null=True,
                    ),
                ),
                (
                    "prefix_hash",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Artist, network prefix and day, hashed.",
                        max_length=64,
                    ),
                ),
                (
                    "artist",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="artists.artist",
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="artists.album",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="impressions",
                        to="ads.wallet",
                    ),
                ),
                ("beneficiary", models.CharField(max_length=60)),
                (
                    "shares",
                    models.JSONField(blank=True, default=list, help_text="[[payee id, basis points], ...] as offered."),
                ),
                ("policy_version", models.PositiveIntegerField()),
                ("state", models.CharField(choices=[("VIEWED", "viewed"), ("REJECTED", "rejected")], max_length=10)),
                ("reason", models.CharField(blank=True, default="", max_length=40)),
                ("viewed_at", models.DateTimeField()),
                ("clicked_at", models.DateTimeField(blank=True, null=True)),
                ("rejected_at", models.DateTimeField(blank=True, null=True)),
                ("day", models.DateField()),
                ("number", models.BigIntegerField(editable=False, unique=True)),
                (
                    "posting_n",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Of a rejected view: the n of the entry that had billed it, if one had.",
                        null=True,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["campaign", "day", "state"], name="impression_report"),
                    models.Index(fields=["wallet", "viewed_at"], name="impression_wallet"),
                    models.Index(fields=["day", "state"], name="impression_day"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("price_micros__gte", 0)), name="impression_price_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("offered_micros__gte", 0), ("weight_permille__range", (0, 1000))),
                        name="impression_weight_is_a_part",
                    ),
                    models.CheckConstraint(condition=models.Q(("number__gt", 0)), name="impression_number_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), ("rejected_at__isnull", True), ("state", "VIEWED")),
                            models.Q(
                                ("rejected_at__isnull", False),
                                ("state", "REJECTED"),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="impression_rejected_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("posting_n__isnull", True),
                            models.Q(("posting_n__gt", 0), ("state", "REJECTED")),
                            _connector="OR",
                        ),
                        name="impression_rejected_knows_its_entry",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("place__in", ["gate", "megakey"]), _negated=True),
                            ("wallet__isnull", False),
                            _connector="OR",
                        ),
                        name="impression_for_credits_has_a_wallet",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Pairing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="pairings", to="ads.wallet"
                    ),
                ),
                (
                    "name",
                    models.CharField(blank=True, default="", help_text="What its holder calls it.", max_length=40),
                ),
                ("code_hash", models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True)),
                ("code_ends_at", models.DateTimeField()),
                ("token_hash", models.CharField(blank=True, editable=False, max_length=64, null=True, unique=True)),
                ("made_at", models.DateTimeField()),
                ("paired_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_on", models.DateField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("code_hash__isnull", False), ("paired_at__isnull", True), ("token_hash__isnull", True)
                            ),
                            models.Q(
                                ("code_hash__isnull", True), ("paired_at__isnull", False), ("token_hash__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="pairing_is_a_code_or_a_token",
                    )
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="OpenOffer",
            fields=[
                (
                    "wallet",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="open_offer",
                        serialize=False,
                        to="ads.wallet",
                    ),
                ),
                ("offer_id", models.UUIDField(unique=True)),
                ("ad", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="ads.ad")),
                ("token", models.TextField()),
                ("ends_at", models.DateTimeField()),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="Site",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("domain", models.CharField(help_text="In small letters, in ASCII.", max_length=253, unique=True)),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("general", "anything else"),
                            ("local-news", "local news"),
                            ("health", "health"),
                            ("government", "government"),
                            ("education", "education"),
                            ("children", "children"),
                        ],
                        default="general",
                        max_length=20,
                    ),
                ),
                (
                    "rank",
                    models.PositiveIntegerField(
                        blank=True, help_text="1 is the most visited; empty: not known.", null=True
                    ),
                ),
                (
                    "months",
                    models.PositiveSmallIntegerField(default=0, help_text="So many months in a row at such a rank."),
                ),
                ("is_partner", models.BooleanField(default=False, help_text="Its operator asked to be on the list.")),
                ("opted_out_at", models.DateTimeField(blank=True, null=True)),
                (
                    "opted_out_by",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("file", "a file on the site"),
                            ("meta", "a tag on its page"),
                            ("staff", "its operator wrote to us"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "checked_at",
                    models.DateTimeField(blank=True, help_text="When we last asked whether it opts out.", null=True),
                ),
                (
                    "problem",
                    models.CharField(
                        blank=True, default="", help_text="Why asking failed; empty: it did not.", max_length=200
                    ),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sites",
                        to="artists.payee",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [models.Index(fields=["rank"], name="site_rank")],
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.F("domain"), django.db.models.functions.text.Lower("domain")
                        ),
                        name="site_domain_in_small_letters",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rank__isnull", True), ("rank__gt", 0), _connector="OR"),
                        name="site_rank_positive",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("opted_out_at__isnull", True), ("opted_out_by", "")),
                            models.Q(("opted_out_at__isnull", False), models.Q(("opted_out_by", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="site_opted_out_says_how",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SiteList",
            fields=[
                ("version", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("sites_hash", models.CharField(editable=False, max_length=64)),
                ("body", models.TextField()),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="SiteClaim",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="claims", to="ads.site"
                    ),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        help_text="Who is paid.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="site_claims",
                        to="artists.payee",
                    ),
                ),
                ("token", models.CharField(max_length=64, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "to be shown"), ("CONFIRMED", "confirmed"), ("REFUSED", "refused")],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("made_at", models.DateTimeField()),
                (
                    "looked_up_at",
                    models.DateTimeField(
                        blank=True, help_text="When the DNS was last asked for the record.", null=True
                    ),
                ),
                (
                    "is_in_dns",
                    models.BooleanField(
                        blank=True, help_text="Whether it was there; empty: nobody could say.", null=True
                    ),
                ),
                (
                    "answers",
                    models.JSONField(blank=True, default=list, help_text="What each resolver said, in sentences."),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the file.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "REFUSED"), _negated=True),
                        fields=("site", "payee"),
                        name="one_claim_per_site_and_payee",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "OPEN")),
                            models.Q(models.Q(("state", "OPEN"), _negated=True), ("decided_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="site_claim_decided_has_a_time",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="DayKey",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("key", models.BinaryField(blank=True, null=True)),
                ("destroyed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("destroyed_at__isnull", True), ("key__isnull", False)),
                            models.Q(("destroyed_at__isnull", False), ("key__isnull", True)),
                            _connector="OR",
                        ),
                        name="day_key_is_there_or_destroyed",
                    )
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="PrefixCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(db_index=True)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("n", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="SeenHour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(max_length=20)),
                ("key", models.CharField(blank=True, max_length=100)),
                ("hour", models.DateTimeField()),
                ("count", models.PositiveBigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["hour"], name="seen_hour")],
                "constraints": [models.UniqueConstraint(fields=("scope", "key", "hour"), name="one_row_per_seen_hour")],
            },
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
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("state", "OPEN")), fields=["hour"], name="spike_open")],
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "key", "hour"), name="one_spike_an_hour"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "OPEN")),
                            models.Q(models.Q(("state", "OPEN"), _negated=True), ("decided_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="spike_decided_has_a_time",
                    ),
                ],
            },
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
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("OPEN", "at work"), ("DONE", "done"), ("STOPPED", "stopped"), ("FAILED", "given up")],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("through", models.BigIntegerField()),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField()),
                ("tries", models.PositiveSmallIntegerField(db_default=0, default=0)),
                (
                    "problem",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="Why it failed last.", max_length=500
                    ),
                ),
                ("next_try_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "OPEN")), fields=["created_at"], name="invalidation_open")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("total__gte", models.F("done"))), name="invalidation_does_what_it_counted"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "OPEN")),
                            models.Q(models.Q(("state", "OPEN"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="invalidation_ended_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="invalidation_has_a_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "FAILED"), _negated=True),
                            models.Q(("problem", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="invalidation_failed_says_why",
                    ),
                ],
            },
        ),
        migrations.RunPython(number_the_views),
    ]
