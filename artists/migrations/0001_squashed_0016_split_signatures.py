"""All tables of the room as they are, in one step; a site that has some of what it replaces goes on with the rest."""

import uuid

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("artists", "0001_initial"),
        ("artists", "0002_bank_fingerprint"),
        ("artists", "0003_moods_and_languages"),
        ("artists", "0004_discs"),
        ("artists", "0005_changes"),
        ("artists", "0006_liner_notes"),
        ("artists", "0007_announced"),
        ("artists", "0008_packages"),
        ("artists", "0009_remarks"),
        ("artists", "0010_transfers"),
        ("artists", "0011_listening"),
        ("artists", "0012_free_later"),
        ("artists", "0013_sheets_and_exports"),
        ("artists", "0014_verified_and_asked_for"),
        ("artists", "0015_preorders"),
        ("artists", "0016_split_signatures"),
    ]

    initial = True

    dependencies = [
        ("users", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Cover",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("path", models.CharField(help_text="The folder of its sizes in the public storage.", max_length=200)),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("hue", models.PositiveSmallIntegerField(default=0)),
                ("alt", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("sha256"), 64),
                        name="cover_sha256",
                    ),
                    models.CheckConstraint(condition=models.Q(("path", ""), _negated=True), name="cover_has_a_path"),
                    models.CheckConstraint(condition=models.Q(("hue__range", (0, 23))), name="cover_hue"),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Original",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("path", models.CharField(max_length=200)),
                ("size_bytes", models.BigIntegerField()),
                (
                    "crc32",
                    models.BigIntegerField(
                        blank=True, help_text="Known once it was exported; zips ask for it.", null=True
                    ),
                ),
                ("container", models.CharField(max_length=30)),
                ("codec", models.CharField(max_length=30)),
                ("is_lossless", models.BooleanField(default=False)),
                ("duration_ms", models.PositiveIntegerField()),
                ("sample_rate_hz", models.PositiveIntegerField()),
                ("bit_depth", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("channels", models.PositiveSmallIntegerField()),
                ("loudness_lufs", models.FloatField(blank=True, null=True)),
                ("true_peak_dbtp", models.FloatField(blank=True, null=True)),
                ("peaks", models.JSONField(blank=True, default=list)),
                ("tags", models.JSONField(blank=True, default=dict)),
                (
                    "remarks",
                    models.JSONField(
                        blank=True,
                        db_default=[],
                        default=list,
                        help_text="What is odd about its sound, in sentences for its artist.",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "verified_at",
                    models.DateTimeField(
                        blank=True, help_text="When its bytes were last read and compared.", null=True
                    ),
                ),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="What is wrong with its bytes, for its artist: nothing is sold with it then.",
                        max_length=200,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["verified_at"], name="original_verified")],
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("sha256"), 64),
                        name="original_sha256",
                    ),
                    models.CheckConstraint(condition=models.Q(("path", ""), _negated=True), name="original_has_a_path"),
                    models.CheckConstraint(condition=models.Q(("size_bytes__gt", 0)), name="original_has_bytes"),
                    models.CheckConstraint(condition=models.Q(("duration_ms__gt", 0)), name="original_has_a_length"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Rendition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "original",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="renditions", to="artists.original"
                    ),
                ),
                ("recipe", models.CharField(max_length=20)),
                (
                    "state",
                    models.CharField(
                        choices=[("WANTED", "wanted"), ("READY", "ready"), ("FAILED", "failed")],
                        default="WANTED",
                        max_length=10,
                    ),
                ),
                ("path", models.CharField(blank=True, default="", max_length=200)),
                ("size_bytes", models.BigIntegerField(default=0)),
                ("crc32", models.BigIntegerField(blank=True, null=True)),
                ("bitrate_kbps", models.PositiveIntegerField(default=0)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("reason", models.TextField(blank=True, default="")),
                ("wanted_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("next_try_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When it was last asked for, if it is not made ahead; else empty.",
                        null=True,
                    ),
                ),
            ],
            options={
                "ordering": ["original", "recipe"],
                "indexes": [models.Index(fields=["state", "next_try_at"], name="rendition_waiting")],
                "constraints": [
                    models.UniqueConstraint(fields=("original", "recipe"), name="rendition_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["WANTED", "READY", "FAILED"])), name="rendition_state"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("recipe", ""), _negated=True), name="rendition_has_a_recipe"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "READY"), _negated=True),
                            models.Q(
                                models.Q(("path", ""), _negated=True),
                                ("crc32__range", (0, 4294967295)),
                                ("ready_at__isnull", False),
                                ("size_bytes__gt", 0),
                            ),
                            _connector="OR",
                        ),
                        name="rendition_ready_has_a_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "FAILED"), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="rendition_failed_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Package",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True)),
                (
                    "rendition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="packages", to="artists.rendition"
                    ),
                ),
                ("path", models.CharField(max_length=200)),
                ("size_bytes", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("crc32", models.BigIntegerField()),
                ("blocks", models.JSONField(default=list)),
                ("used_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [models.Index(fields=["used_at"], name="package_used")],
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("key"), 64),
                        name="package_key",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("sha256"), 64),
                        name="package_sha256",
                    ),
                    models.CheckConstraint(condition=models.Q(("path", ""), _negated=True), name="package_has_a_path"),
                    models.CheckConstraint(
                        condition=models.Q(("crc32__range", (0, 4294967295)), ("size_bytes__gt", 0)),
                        name="package_has_bytes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Payee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("ARTIST", "artist"), ("COLLABORATOR", "collaborator"), ("LABEL", "label")],
                        default="ARTIST",
                        max_length=12,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="payees",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("country", models.CharField(blank=True, default="", max_length=2)),
                ("stripe_account", models.CharField(blank=True, default="", max_length=100)),
                (
                    "threshold_micros",
                    models.BigIntegerField(
                        blank=True, help_text="The least that is paid out; empty means the policy's.", null=True
                    ),
                ),
                ("is_payouts_enabled", models.BooleanField(default=False)),
                ("bank_changed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "bank_fingerprint",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="SHA-256 of the bank accounts that Stripe told us last.",
                        max_length=64,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["name", "pk"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="payee_has_a_name"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["ARTIST", "COLLABORATOR", "LABEL"])), name="payee_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("threshold_micros__isnull", True), ("threshold_micros__gt", 0), _connector="OR"
                        ),
                        name="payee_threshold",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Artist",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="artists", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="artists", to="artists.payee"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("slug", models.CharField(max_length=120, unique=True)),
                ("bio", models.TextField(blank=True, default="", max_length=5000)),
                ("location", models.CharField(blank=True, default="", max_length=120)),
                ("hue", models.PositiveSmallIntegerField(default=0)),
                (
                    "cover",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="artists.cover",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["name", "pk"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="artist_has_a_name"),
                    models.CheckConstraint(condition=models.Q(("slug", ""), _negated=True), name="artist_has_a_slug"),
                    models.CheckConstraint(condition=models.Q(("hue__range", (0, 23))), name="artist_hue"),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Album",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="albums", to="artists.artist"
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("slug", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("DRAFT", "draft"),
                            ("ANNOUNCED", "announced"),
                            ("PUBLISHED", "published"),
                            ("WITHDRAWN", "withdrawn"),
                        ],
                        default="DRAFT",
                        max_length=10,
                    ),
                ),
                (
                    "price_micros",
                    models.BigIntegerField(
                        default=7000000,
                        help_text="Without tax, in micros of the currency; the minimum where listeners name the price.",
                    ),
                ),
                ("currency", models.CharField(default="USD", max_length=3)),
                ("is_name_your_price", models.BooleanField(default=False)),
                (
                    "credit_price",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Whole credits for a free download; empty means 5 for each track.",
                        null=True,
                    ),
                ),
                (
                    "wants_full_credit_price",
                    models.BooleanField(
                        db_default=False, default=False, help_text="The gate never asks for less than the credit price."
                    ),
                ),
                (
                    "free_mode",
                    models.CharField(
                        choices=[
                            ("AD", "Free with an ad, or for credits"),
                            ("LATER", "Free with an ad, some days after it is out"),
                            ("FREE", "Simply free"),
                            ("OFF", "Not free"),
                        ],
                        default="AD",
                        max_length=5,
                    ),
                ),
                (
                    "free_after_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Days after it is published when it becomes free with an ad; LATER only.",
                        null=True,
                    ),
                ),
                (
                    "free_from",
                    models.DateTimeField(blank=True, help_text="When that is, once it is published.", null=True),
                ),
                (
                    "is_owners_only",
                    models.BooleanField(default=False, help_text="Only people who own it may stream it in full."),
                ),
                (
                    "cover",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="albums",
                        to="artists.cover",
                    ),
                ),
                ("hue", models.PositiveSmallIntegerField(default=0)),
                (
                    "genre",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ambient", "Ambient"),
                            ("blues", "Blues"),
                            ("classical", "Classical"),
                            ("country", "Country"),
                            ("dub", "Dub"),
                            ("electronic", "Electronic"),
                            ("experimental", "Experimental"),
                            ("folk", "Folk"),
                            ("funk", "Funk"),
                            ("hip-hop", "Hip-hop"),
                            ("house", "House"),
                            ("jazz", "Jazz"),
                            ("latin", "Latin"),
                            ("metal", "Metal"),
                            ("pop", "Pop"),
                            ("punk", "Punk"),
                            ("reggae", "Reggae"),
                            ("rock", "Rock"),
                            ("soul", "Soul and R&B"),
                            ("soundtrack", "Soundtrack"),
                            ("spoken", "Spoken word"),
                            ("techno", "Techno"),
                            ("world", "World"),
                            ("other", "Something else"),
                        ],
                        default="",
                        max_length=40,
                    ),
                ),
                (
                    "mood",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("calm", "Calm"),
                            ("dark", "Dark"),
                            ("dreamy", "Dreamy"),
                            ("energetic", "Energetic"),
                            ("happy", "Happy"),
                            ("melancholic", "Melancholic"),
                            ("playful", "Playful"),
                            ("romantic", "Romantic"),
                            ("solemn", "Solemn"),
                            ("tense", "Tense"),
                        ],
                        db_default="",
                        default="",
                        max_length=20,
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ar", "Arabic"),
                            ("bn", "Bengali"),
                            ("zh", "Chinese"),
                            ("cs", "Czech"),
                            ("da", "Danish"),
                            ("nl", "Dutch"),
                            ("en", "English"),
                            ("fi", "Finnish"),
                            ("fr", "French"),
                            ("de", "German"),
                            ("el", "Greek"),
                            ("he", "Hebrew"),
                            ("hi", "Hindi"),
                            ("hu", "Hungarian"),
                            ("is", "Icelandic"),
                            ("id", "Indonesian"),
                            ("ga", "Irish"),
                            ("it", "Italian"),
                            ("ja", "Japanese"),
                            ("ko", "Korean"),
                            ("mi", "Māori"),
                            ("no", "Norwegian"),
                            ("fa", "Persian"),
                            ("pl", "Polish"),
                            ("pt", "Portuguese"),
                            ("ro", "Romanian"),
                            ("ru", "Russian"),
                            ("es", "Spanish"),
                            ("sw", "Swahili"),
                            ("sv", "Swedish"),
                            ("ta", "Tamil"),
                            ("th", "Thai"),
                            ("tr", "Turkish"),
                            ("uk", "Ukrainian"),
                            ("vi", "Vietnamese"),
                            ("cy", "Welsh"),
                            ("yo", "Yoruba"),
                            ("mul", "Several, or another one"),
                            ("zxx", "Nothing is sung"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                ("tags", models.JSONField(blank=True, default=list)),
                ("description", models.TextField(blank=True, default="", max_length=10000)),
                (
                    "licence",
                    models.CharField(
                        choices=[
                            ("all-rights-reserved", "All rights reserved"),
                            ("CC-BY-4.0", "CC BY 4.0: share and adapt, name the artist"),
                            ("CC-BY-SA-4.0", "CC BY-SA 4.0: the same, under the same licence"),
                            ("CC-BY-NC-4.0", "CC BY-NC 4.0: not for business"),
                            ("CC-BY-NC-SA-4.0", "CC BY-NC-SA 4.0: not for business, under the same licence"),
                            ("CC-BY-ND-4.0", "CC BY-ND 4.0: share unchanged"),
                            ("CC-BY-NC-ND-4.0", "CC BY-NC-ND 4.0: not for business, share unchanged"),
                            ("CC0-1.0", "CC0: no rights reserved"),
                        ],
                        default="all-rights-reserved",
                        max_length=30,
                    ),
                ),
                ("upc", models.CharField(blank=True, default="", max_length=14)),
                (
                    "label",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="Who brought it out.", max_length=200
                    ),
                ),
                (
                    "p_line",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="After ℗: the year, and who owns the recording.",
                        max_length=200,
                    ),
                ),
                (
                    "c_line",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="After ©: the year, and who owns the rest.",
                        max_length=200,
                    ),
                ),
                (
                    "cover_alt",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The cover in words; empty: its title.",
                        max_length=300,
                    ),
                ),
                ("released_on", models.DateField(blank=True, null=True)),
                (
                    "out_at",
                    models.DateTimeField(
                        blank=True, help_text="When an announced album is published by itself.", null=True
                    ),
                ),
                (
                    "takes_preorders",
                    models.BooleanField(
                        db_default=False, default=False, help_text="Listeners may buy it while it is announced."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-published_at", "-pk"],
                "indexes": [
                    models.Index(fields=["state", "-published_at"], name="album_newest"),
                    models.Index(
                        condition=models.Q(("free_from__isnull", False)), fields=["free_from"], name="album_free_later"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("artist", "slug"), name="album_slug_per_artist"),
                    models.CheckConstraint(condition=models.Q(("title", ""), _negated=True), name="album_has_a_title"),
                    models.CheckConstraint(condition=models.Q(("slug", ""), _negated=True), name="album_has_a_slug"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["DRAFT", "ANNOUNCED", "PUBLISHED", "WITHDRAWN"])),
                        name="album_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ANNOUNCED"), _negated=True),
                            models.Q(("out_at__isnull", False), ("published_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="album_announced_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("free_mode__in", ["AD", "LATER", "FREE", "OFF"])), name="album_free_mode"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("free_mode", "LATER"),
                                ("free_after_days__isnull", False),
                                ("free_after_days__range", (1, 3650)),
                            ),
                            models.Q(
                                models.Q(("free_mode", "LATER"), _negated=True),
                                ("free_after_days__isnull", True),
                                ("free_from__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="album_free_from_when",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("price_micros__range", (0, 100000000000))), name="album_price"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credit_price__range", (1, 1000000))), name="album_credit_price"
                    ),
                    models.CheckConstraint(condition=models.Q(("hue__range", (0, 23))), name="album_hue"),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("currency"), 3),
                        name="album_currency",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "PUBLISHED"), _negated=True),
                            ("published_at__isnull", False),
                            _connector="OR",
                        ),
                        name="album_published_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "WITHDRAWN"), _negated=True),
                            models.Q(("published_at__isnull", False), ("withdrawn_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="album_withdrawn_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "PUBLISHED"), _negated=True),
                            ("price_micros__gt", 0),
                            ("is_name_your_price", True),
                            ("free_mode", "FREE"),
                            _connector="OR",
                        ),
                        name="album_published_has_a_price",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Track",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tracks", to="artists.album"
                    ),
                ),
                ("disc", models.PositiveSmallIntegerField(db_default=1, default=1)),
                ("position", models.PositiveSmallIntegerField(help_text="Its number on its disc.")),
                ("title", models.CharField(max_length=200)),
                ("slug", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[("DRAFT", "draft"), ("PUBLISHED", "published"), ("WITHDRAWN", "withdrawn")],
                        default="DRAFT",
                        max_length=10,
                    ),
                ),
                ("duration_ms", models.PositiveIntegerField(default=0)),
                (
                    "price_micros",
                    models.BigIntegerField(
                        blank=True,
                        help_text="In micros of the album's currency; empty means sold with the album only.",
                        null=True,
                    ),
                ),
                (
                    "credit_price",
                    models.PositiveIntegerField(blank=True, help_text="Whole credits; empty means 5.", null=True),
                ),
                (
                    "wants_full_credit_price",
                    models.BooleanField(
                        db_default=False, default=False, help_text="The gate never asks for less than the credit price."
                    ),
                ),
                (
                    "free_mode",
                    models.CharField(
                        choices=[
                            ("AD", "Free with an ad, or for credits"),
                            ("LATER", "Free with an ad, some days after it is out"),
                            ("FREE", "Simply free"),
                            ("OFF", "Not free"),
                        ],
                        default="AD",
                        max_length=5,
                    ),
                ),
                (
                    "free_after_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Days after it is published when it becomes free with an ad; LATER only.",
                        null=True,
                    ),
                ),
                (
                    "free_from",
                    models.DateTimeField(blank=True, help_text="When that is, once it is published.", null=True),
                ),
                ("isrc", models.CharField(blank=True, default="", max_length=12, verbose_name="ISRC")),
                (
                    "iswc",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="Of the work.",
                        max_length=11,
                        verbose_name="ISWC",
                    ),
                ),
                ("is_explicit", models.BooleanField(db_default=False, default=False)),
                ("lyrics", models.TextField(blank=True, default="", max_length=20000)),
                (
                    "synced_lyrics",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="As LRC: a time before each line.",
                        max_length=40000,
                    ),
                ),
                (
                    "genre",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ambient", "Ambient"),
                            ("blues", "Blues"),
                            ("classical", "Classical"),
                            ("country", "Country"),
                            ("dub", "Dub"),
                            ("electronic", "Electronic"),
                            ("experimental", "Experimental"),
                            ("folk", "Folk"),
                            ("funk", "Funk"),
                            ("hip-hop", "Hip-hop"),
                            ("house", "House"),
                            ("jazz", "Jazz"),
                            ("latin", "Latin"),
                            ("metal", "Metal"),
                            ("pop", "Pop"),
                            ("punk", "Punk"),
                            ("reggae", "Reggae"),
                            ("rock", "Rock"),
                            ("soul", "Soul and R&B"),
                            ("soundtrack", "Soundtrack"),
                            ("spoken", "Spoken word"),
                            ("techno", "Techno"),
                            ("world", "World"),
                            ("other", "Something else"),
                        ],
                        default="",
                        max_length=40,
                    ),
                ),
                (
                    "mood",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("calm", "Calm"),
                            ("dark", "Dark"),
                            ("dreamy", "Dreamy"),
                            ("energetic", "Energetic"),
                            ("happy", "Happy"),
                            ("melancholic", "Melancholic"),
                            ("playful", "Playful"),
                            ("romantic", "Romantic"),
                            ("solemn", "Solemn"),
                            ("tense", "Tense"),
                        ],
                        db_default="",
                        default="",
                        help_text="Empty: the album's.",
                        max_length=20,
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ar", "Arabic"),
                            ("bn", "Bengali"),
                            ("zh", "Chinese"),
                            ("cs", "Czech"),
                            ("da", "Danish"),
                            ("nl", "Dutch"),
                            ("en", "English"),
                            ("fi", "Finnish"),
                            ("fr", "French"),
                            ("de", "German"),
                            ("el", "Greek"),
                            ("he", "Hebrew"),
                            ("hi", "Hindi"),
                            ("hu", "Hungarian"),
                            ("is", "Icelandic"),
                            ("id", "Indonesian"),
                            ("ga", "Irish"),
                            ("it", "Italian"),
                            ("ja", "Japanese"),
                            ("ko", "Korean"),
                            ("mi", "Māori"),
                            ("no", "Norwegian"),
                            ("fa", "Persian"),
                            ("pl", "Polish"),
                            ("pt", "Portuguese"),
                            ("ro", "Romanian"),
                            ("ru", "Russian"),
                            ("es", "Spanish"),
                            ("sw", "Swahili"),
                            ("sv", "Swedish"),
                            ("ta", "Tamil"),
                            ("th", "Thai"),
                            ("tr", "Turkish"),
                            ("uk", "Ukrainian"),
                            ("vi", "Vietnamese"),
                            ("cy", "Welsh"),
                            ("yo", "Yoruba"),
                            ("mul", "Several, or another one"),
                            ("zxx", "Nothing is sung"),
                        ],
                        db_default="",
                        default="",
                        help_text="Empty: the album's.",
                        max_length=10,
                    ),
                ),
                (
                    "artist_name",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Who performs, where that is not the album's artist.",
                        max_length=200,
                    ),
                ),
                (
                    "is_heard_before",
                    models.BooleanField(
                        db_default=False, default=False, help_text="Everybody may hear it while its album is announced."
                    ),
                ),
                (
                    "awaits",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The name of the file it waits for, if told.",
                        max_length=255,
                    ),
                ),
                (
                    "original",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tracks",
                        to="artists.original",
                    ),
                ),
                ("peaks", models.JSONField(blank=True, default=list)),
                (
                    "are_remarks_dismissed",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Its artist has read what is odd about its sound, and means it.",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["disc", "position", "pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("free_from__isnull", False)), fields=["free_from"], name="track_free_later"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "WITHDRAWN"), _negated=True),
                        fields=("album", "disc", "position"),
                        name="track_position_per_disc",
                    ),
                    models.UniqueConstraint(fields=("album", "slug"), name="track_slug_per_album"),
                    models.CheckConstraint(condition=models.Q(("title", ""), _negated=True), name="track_has_a_title"),
                    models.CheckConstraint(condition=models.Q(("slug", ""), _negated=True), name="track_has_a_slug"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["DRAFT", "PUBLISHED", "WITHDRAWN"])), name="track_state"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("free_mode__in", ["AD", "LATER", "FREE", "OFF"])), name="track_free_mode"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("free_mode", "LATER"),
                                ("free_after_days__isnull", False),
                                ("free_after_days__range", (1, 3650)),
                            ),
                            models.Q(
                                models.Q(("free_mode", "LATER"), _negated=True),
                                ("free_after_days__isnull", True),
                                ("free_from__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="track_free_from_when",
                    ),
                    models.CheckConstraint(condition=models.Q(("disc__range", (1, 50))), name="track_disc"),
                    models.CheckConstraint(condition=models.Q(("position__range", (1, 32000))), name="track_position"),
                    models.CheckConstraint(
                        condition=models.Q(("price_micros__range", (1, 100000000000))), name="track_price"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credit_price__range", (1, 1000000))), name="track_credit_price"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "PUBLISHED"), _negated=True),
                            models.Q(("original__isnull", False), ("published_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="track_published_has_time_and_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "WITHDRAWN"), _negated=True),
                            ("withdrawn_at__isnull", False),
                            _connector="OR",
                        ),
                        name="track_withdrawn_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Contribution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "track",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="contributions", to="artists.track"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("PERFORMER", "performer"),
                            ("FEATURED", "featured"),
                            ("COMPOSER", "composer"),
                            ("LYRICIST", "lyricist"),
                            ("PRODUCER", "producer"),
                            ("ENGINEER", "engineer"),
                            ("REMIXER", "remixer"),
                            ("OTHER", "other"),
                        ],
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "payee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="contributions",
                        to="artists.payee",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("track", "role", "name"), name="contribution_once"),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="contribution_has_a_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "role__in",
                                [
                                    "PERFORMER",
                                    "FEATURED",
                                    "COMPOSER",
                                    "LYRICIST",
                                    "PRODUCER",
                                    "ENGINEER",
                                    "REMIXER",
                                    "OTHER",
                                ],
                            )
                        ),
                        name="contribution_role",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="OldSlug",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scope",
                    models.CharField(
                        help_text="Where it is unique: artist, album:<artist>, track:<album>.", max_length=40
                    ),
                ),
                ("slug", models.CharField(max_length=120)),
                (
                    "artist",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="old_slugs",
                        to="artists.artist",
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="old_slugs",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="old_slugs",
                        to="artists.track",
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "slug"), name="old_slug_per_scope"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("album__isnull", True), ("artist__isnull", False), ("track__isnull", True)),
                            models.Q(("album__isnull", False), ("artist__isnull", True), ("track__isnull", True)),
                            models.Q(("album__isnull", True), ("artist__isnull", True), ("track__isnull", False)),
                            _connector="OR",
                        ),
                        name="old_slug_of_one_thing",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="changes", to="artists.album"
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="artists.track",
                    ),
                ),
                ("typed", models.JSONField(default=dict, help_text="Texts by the name of their field.")),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("track__isnull", True)), fields=("album",), name="one_change_of_an_album"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("track__isnull", False)), fields=("track",), name="one_change_of_a_track"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="exports", to="artists.artist"
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exports",
                        to="artists.album",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="exports", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "being made"),
                            ("READY", "ready"),
                            ("FAILED", "failed"),
                            ("GONE", "deleted"),
                        ],
                        default="WAITING",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("total", models.PositiveIntegerField(default=0, help_text="How many masters there are to read.")),
                ("done", models.PositiveIntegerField(default=0)),
                ("size_bytes", models.BigIntegerField(default=0, help_text="Of the zip, once it is ready.")),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-asked_at", "pk"],
                "indexes": [models.Index(fields=["state", "asked_at"], name="export_waiting")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["WAITING", "READY", "FAILED", "GONE"])), name="export_state"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("album__isnull", True), ("state", "WAITING")),
                        fields=("artist",),
                        name="export_one_waiting",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("album__isnull", False), ("state", "WAITING")),
                        fields=("album",),
                        name="export_of_album_one_waiting",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "FAILED"), ("reason", ""), _connector="XOR"),
                        name="export_failed_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "WAITING"), ("finished_at__isnull", False), _connector="XOR"),
                        name="export_ended_has_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Play",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "track",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="plays", to="artists.track"
                    ),
                ),
                ("listener_key", models.CharField(max_length=120)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="plays",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "slot",
                    models.BigIntegerField(
                        help_text="The span of time in which this listener's plays of it count once."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "place",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("home", "the home page"),
                            ("search", "search"),
                            ("artist", "the artist’s page"),
                            ("album", "the album’s page"),
                            ("track", "the track’s page"),
                            ("library", "a library"),
                            ("embed", "a player on another site"),
                            ("", "elsewhere"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "site",
                    models.CharField(
                        blank=True, db_default="", default="", help_text="A host, never a path.", max_length=100
                    ),
                ),
                ("country", models.CharField(blank=True, db_default="", default="", max_length=2)),
                (
                    "completed_at",
                    models.DateTimeField(blank=True, help_text="When nine tenths of it had been heard.", null=True),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["track", "created_at"], name="play_track"),
                    models.Index(fields=["created_at"], name="play_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("listener_key", "track", "slot"), name="play_once_per_slot"),
                    models.CheckConstraint(
                        condition=models.Q(("listener_key", ""), _negated=True), name="play_has_a_listener"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Skip",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "track",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="skips", to="artists.track"
                    ),
                ),
                ("listener_key", models.CharField(max_length=120)),
                (
                    "slot",
                    models.BigIntegerField(
                        help_text="The span of time in which this listener's skips of it count once."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="skip_time")],
                "constraints": [
                    models.UniqueConstraint(fields=("listener_key", "track", "slot"), name="skip_once_per_slot"),
                    models.CheckConstraint(
                        condition=models.Q(("listener_key", ""), _negated=True), name="skip_has_a_listener"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("ARTIST", "artist"), ("ALBUM", "album"), ("TRACK", "track")], max_length=6
                    ),
                ),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_documents",
                        to="artists.artist",
                    ),
                ),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_documents",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_documents",
                        to="artists.track",
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("subtitle", models.CharField(blank=True, default="", max_length=400)),
                ("text", models.TextField(help_text="All that can be found, folded to lower case without accents.")),
                ("url", models.CharField(max_length=1000)),
                (
                    "cover",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="artists.cover",
                    ),
                ),
                ("hue", models.PositiveSmallIntegerField(default=0)),
                ("plays", models.PositiveIntegerField(default=0, help_text="Orders equally good answers.")),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["ARTIST", "ALBUM", "TRACK"])), name="search_document_kind"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "ARTIST")),
                        fields=("artist",),
                        name="search_document_once_per_artist",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "ALBUM")), fields=("album",), name="search_document_once_per_album"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "TRACK")), fields=("track",), name="search_document_once_per_track"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("album__isnull", True), ("kind", "ARTIST"), ("track__isnull", True)),
                            models.Q(("album__isnull", False), ("kind", "ALBUM"), ("track__isnull", True)),
                            models.Q(("album__isnull", False), ("kind", "TRACK"), ("track__isnull", False)),
                            _connector="OR",
                        ),
                        name="search_document_of_its_kind",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Sheet",
            fields=[
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "artist",
                    models.ForeignKey(
                        help_text="Whose albums they are, unless a row says so.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sheets",
                        to="artists.artist",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sheets", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("filename", models.CharField(max_length=255)),
                (
                    "path",
                    models.CharField(
                        blank=True, default="", help_text="Empty once its bytes are deleted.", max_length=200
                    ),
                ),
                ("headers", models.JSONField(default=list)),
                ("columns", models.JSONField(default=list)),
                (
                    "opens_artists",
                    models.BooleanField(default=False, help_text="Names that are nobody's yet become artists."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("OPEN", "to be looked at"),
                            ("WAITING", "being made"),
                            ("DONE", "done"),
                            ("FAILED", "failed"),
                        ],
                        default="OPEN",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("total", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("made", models.PositiveIntegerField(default=0)),
                ("changed", models.PositiveIntegerField(default=0)),
                (
                    "left",
                    models.JSONField(blank=True, default=list, help_text="What was left out and why, in sentences."),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-created_at", "pk"],
                "indexes": [models.Index(fields=["state", "asked_at"], name="sheet_waiting")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["OPEN", "WAITING", "DONE", "FAILED"])), name="sheet_state"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("filename", ""), _negated=True), name="sheet_has_a_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "FAILED"), ("reason", ""), _connector="XOR"),
                        name="sheet_failed_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("done__lte", models.F("total"))), name="sheet_done_of_total"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asked_at__isnull", True), ("state", "OPEN")),
                            models.Q(("asked_at__isnull", False), ("finished_at__isnull", True), ("state", "WAITING")),
                            models.Q(
                                ("asked_at__isnull", False),
                                ("finished_at__isnull", False),
                                ("state__in", ["DONE", "FAILED"]),
                            ),
                            _connector="OR",
                        ),
                        name="sheet_times_follow_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SplitSheet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "album",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="split_sheets",
                        to="artists.album",
                    ),
                ),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="split_sheets",
                        to="artists.track",
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "waits for signatures"),
                            ("SIGNED", "signed"),
                            ("DECLINED", "declined"),
                            ("WITHDRAWN", "withdrawn"),
                            ("EXPIRED", "not signed in time"),
                        ],
                        default="WAITING",
                        max_length=10,
                    ),
                ),
                ("shares", models.JSONField(blank=True, default=list)),
                (
                    "is_taken_over",
                    models.BooleanField(
                        default=False,
                        help_text="It was in force before sheets were signed: its people were told, not asked.",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(blank=True, help_text="Until when it can be signed.", null=True)),
                ("in_force_at", models.DateTimeField(blank=True, null=True)),
                (
                    "ended_at",
                    models.DateTimeField(
                        blank=True, help_text="When it was declined, withdrawn or expired.", null=True
                    ),
                ),
                ("end_reason", models.CharField(blank=True, default="", max_length=500)),
            ],
            options={
                "ordering": ["-version"],
                "constraints": [
                    models.UniqueConstraint(fields=("album", "version"), name="split_sheet_album_version"),
                    models.UniqueConstraint(fields=("track", "version"), name="split_sheet_track_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("album__isnull", False), ("state", "WAITING")),
                        fields=("album",),
                        name="one_waiting_sheet_per_album",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "WAITING"), ("track__isnull", False)),
                        fields=("track",),
                        name="one_waiting_sheet_per_track",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("album__isnull", False), ("track__isnull", True)),
                            models.Q(("album__isnull", True), ("track__isnull", False)),
                            _connector="OR",
                        ),
                        name="split_sheet_of_one_thing",
                    ),
                    models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="split_sheet_version"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["WAITING", "SIGNED", "DECLINED", "WITHDRAWN", "EXPIRED"])),
                        name="split_sheet_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("in_force_at__isnull", False), ("state", "SIGNED")),
                            models.Q(models.Q(("state", "SIGNED"), _negated=True), ("in_force_at", None)),
                            _connector="OR",
                        ),
                        name="split_sheet_in_force_when_signed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "WAITING"), _negated=True),
                            ("expires_at__isnull", False),
                            _connector="OR",
                        ),
                        name="split_sheet_waits_until",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["WAITING", "SIGNED"]), ("ended_at__isnull", False), _connector="OR"
                        ),
                        name="split_sheet_ended",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="SplitLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "sheet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="artists.splitsheet"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("ARTIST", "artist"),
                            ("WRITER", "writer"),
                            ("PERFORMER", "performer"),
                            ("PRODUCER", "producer"),
                            ("LABEL", "label"),
                            ("OTHER", "other"),
                        ],
                        default="OTHER",
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                ("email", models.EmailField(blank=True, default="", max_length=254)),
                ("basis_points", models.PositiveIntegerField()),
                (
                    "payee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="split_lines",
                        to="artists.payee",
                    ),
                ),
                ("letters", models.PositiveSmallIntegerField(default=0, help_text="How often they were asked.")),
                ("asked_at", models.DateTimeField(blank=True, help_text="When they were asked last.", null=True)),
            ],
            options={
                "ordering": ["position"],
                "constraints": [
                    models.UniqueConstraint(fields=("sheet", "position"), name="split_line_position"),
                    models.UniqueConstraint(
                        condition=models.Q(("email", ""), _negated=True),
                        fields=("sheet", "email"),
                        name="split_line_email_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("payee__isnull", False)),
                        fields=("sheet", "payee"),
                        name="split_line_payee_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["ARTIST", "WRITER", "PERFORMER", "PRODUCER", "LABEL", "OTHER"])
                        ),
                        name="split_line_role",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("basis_points__range", (1, 10000))), name="split_line_basis_points"
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="SplitSignature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "line",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="signature", to="artists.splitline"
                    ),
                ),
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
                ("name", models.CharField(max_length=200)),
                ("signed_at", models.DateTimeField()),
                ("fingerprint", models.CharField(help_text="SHA-256 of what was signed.", max_length=64)),
            ],
            options={
                "ordering": ["signed_at", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="split_signature_has_a_name"
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            django.db.models.functions.text.Length("fingerprint"), 64
                        ),
                        name="split_signature_fingerprint",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="transfers", to="artists.album"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("filename", models.CharField(max_length=255)),
                (
                    "fingerprint",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="How a browser knows the file again: not ours to interpret.",
                        max_length=200,
                    ),
                ),
                ("size_bytes", models.BigIntegerField()),
                ("offset_bytes", models.BigIntegerField(default=0)),
                (
                    "sha256",
                    models.CharField(blank=True, default="", help_text="Known once it is being stored.", max_length=64),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("RECEIVING", "receiving"),
                            ("ARRIVED", "arrived"),
                            ("ENDED", "ended"),
                            ("REFUSED", "refused"),
                        ],
                        default="RECEIVING",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["created_at", "pk"],
                "indexes": [
                    models.Index(fields=["state", "created_at"], name="transfer_waiting"),
                    models.Index(fields=["expires_at"], name="transfer_expires"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["RECEIVING", "ARRIVED", "ENDED", "REFUSED"])),
                        name="transfer_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("filename", ""), _negated=True), name="transfer_has_a_name"
                    ),
                    models.CheckConstraint(condition=models.Q(("size_bytes__gt", 0)), name="transfer_has_bytes"),
                    models.CheckConstraint(
                        condition=models.Q(("offset_bytes__gte", 0), ("offset_bytes__lte", models.F("size_bytes"))),
                        name="transfer_offset",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("offset_bytes__lt", models.F("size_bytes")), ("state", "RECEIVING")),
                            models.Q(
                                models.Q(("state", "RECEIVING"), _negated=True),
                                ("offset_bytes", models.F("size_bytes")),
                            ),
                            _connector="OR",
                        ),
                        name="transfer_arrived_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "REFUSED"), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="transfer_refused_has_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="uploads", to="artists.album"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="uploads", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("filename", models.CharField(max_length=255)),
                ("size_bytes", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("RECEIVED", "received"), ("READY", "ready"), ("REJECTED", "rejected")],
                        default="RECEIVED",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                (
                    "track",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="uploads",
                        to="artists.track",
                    ),
                ),
                (
                    "transfer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="uploads",
                        to="artists.transfer",
                    ),
                ),
                (
                    "twin",
                    models.ForeignKey(
                        blank=True,
                        help_text="A track of the same artist's with the very same bytes, until they said what to make of it.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="twins",
                        to="artists.track",
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "is_dismissed",
                    models.BooleanField(default=False, help_text="The artist has seen it and put it away."),
                ),
                (
                    "sent_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="When sending began: files keep this order."
                    ),
                ),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["received_at", "pk"],
                "indexes": [
                    models.Index(fields=["state", "received_at"], name="upload_waiting"),
                    models.Index(fields=["sha256"], name="upload_sha256"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_dismissed", False), ("state__in", ["RECEIVED", "READY"])),
                        fields=("album", "sha256"),
                        name="upload_once_per_album",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("sha256"), 64),
                        name="upload_sha256_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["RECEIVED", "READY", "REJECTED"])), name="upload_state"
                    ),
                    models.CheckConstraint(condition=models.Q(("size_bytes__gt", 0)), name="upload_has_bytes"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "REJECTED"), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="upload_rejected_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("state", "RECEIVED")),
                            models.Q(("finished_at__isnull", False), ("state__in", ["READY", "REJECTED"])),
                            _connector="OR",
                        ),
                        name="upload_ended_has_a_time",
                    ),
                ],
            },
        ),
    ]
