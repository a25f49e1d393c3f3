import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("ads", "0001_initial"),
        ("artists", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Gate",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
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
                (
                    "wallet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gates", to="ads.wallet"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GateView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_id", models.UUIDField(unique=True)),
                ("price_micros", models.BigIntegerField()),
                ("offered_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "gate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="views", to="store.gate"
                    ),
                ),
            ],
            options={
                "ordering": ["offered_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
                ("email", models.EmailField(blank=True, default="", max_length=254)),
                (
                    "kind",
                    models.CharField(choices=[("SALE", "sale"), ("DEPOSIT", "deposit")], default="SALE", max_length=10),
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
                ("refunded_micros", models.BigIntegerField(default=0)),
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
            ],
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "kind",
                    models.CharField(
                        choices=[("ALBUM", "album"), ("TRACK", "track"), ("DEPOSIT", "deposit")], max_length=10
                    ),
                ),
                ("title", models.CharField(max_length=300)),
                ("facts", models.JSONField(blank=True, default=dict)),
                ("price_micros", models.BigIntegerField()),
                ("net_micros", models.BigIntegerField(blank=True, null=True)),
                ("shares", models.JSONField(blank=True, default=list)),
                ("policy_version", models.PositiveIntegerField()),
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
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="store.order"
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
            ],
            options={
                "ordering": ["position", "id"],
            },
        ),
        migrations.CreateModel(
            name="LibraryItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
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
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="library",
                        to=settings.AUTH_USER_MODEL,
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
            ],
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
            name="CartItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
                ("price_micros", models.BigIntegerField()),
                ("added_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
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
            },
        ),
        migrations.CreateModel(
            name="Download",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("guest_key", models.CharField(blank=True, default="", max_length=64)),
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
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
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
        migrations.AddIndex(
            model_name="gate",
            index=models.Index(fields=["wallet", "state"], name="gate_of_wallet"),
        ),
        migrations.AddIndex(
            model_name="gate",
            index=models.Index(fields=["state", "opened_at"], name="gate_waiting"),
        ),
        migrations.AddConstraint(
            model_name="gate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("album__isnull", False), ("track__isnull", True)),
                    models.Q(("album__isnull", True), ("track__isnull", False)),
                    _connector="OR",
                ),
                name="gate_is_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="gate",
            constraint=models.CheckConstraint(
                condition=models.Q(("asked_micros__gte", 0), ("spent_micros__gte", 0)), name="gate_amounts_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="gate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("entry_key", None), ("granted_at", None), ("spent_micros", 0), ("state", "OPEN")),
                    models.Q(
                        ("entry_key__isnull", False),
                        ("granted_at__isnull", False),
                        ("spent_micros__gt", 0),
                        ("state", "GRANTED"),
                    ),
                    models.Q(
                        ("entry_key", None), ("granted_at__isnull", False), ("spent_micros", 0), ("state", "GRANTED")
                    ),
                    _connector="OR",
                ),
                name="gate_granted_has_its_entry",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("next_check_at__isnull", False)), fields=["next_check_at"], name="order_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["user", "placed_at"], name="order_of_user"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("guest_key", ""), _negated=True), fields=["guest_key"], name="order_of_guest"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(condition=models.Q(("user", None)), fields=["email"], name="order_of_guest_address"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("price_micros__gte", 0), ("tax_micros__gte", 0), ("total_micros__gte", models.F("tax_micros"))
                ),
                name="order_amounts_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded_micros__gte", 0), ("refunded_micros__lte", models.F("total_micros"))),
                name="order_refund_within_total",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paid_at__isnull", False), ("state__in", ["PAID", "REFUNDED"])),
                    models.Q(("paid_at__isnull", True), ("state__in", ["PENDING", "CANCELLED"])),
                    _connector="OR",
                ),
                name="order_paid_has_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("advertiser", None), ("album__isnull", False), ("kind", "ALBUM"), ("track", None)),
                    models.Q(("advertiser", None), ("album", None), ("kind", "TRACK"), ("track__isnull", False)),
                    models.Q(("advertiser__isnull", False), ("album", None), ("kind", "DEPOSIT"), ("track", None)),
                    _connector="OR",
                ),
                name="order_line_is_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(("price_micros__gte", 0)), name="order_line_price_not_negative"
            ),
        ),
        migrations.AddIndex(
            model_name="libraryitem",
            index=models.Index(fields=["user", "added_at"], name="library_of_user"),
        ),
        migrations.AddIndex(
            model_name="libraryitem",
            index=models.Index(
                condition=models.Q(("guest_key", ""), _negated=True), fields=["guest_key"], name="library_of_guest"
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("album__isnull", False), ("track__isnull", True)),
                    models.Q(("album__isnull", True), ("track__isnull", False)),
                    _connector="OR",
                ),
                name="library_item_is_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("guest_key", ""), ("user__isnull", False)),
                    models.Q(("user", None), models.Q(("guest_key", ""), _negated=True)),
                    _connector="OR",
                ),
                name="library_item_has_one_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("order_line__isnull", False), ("reason", "ORDER")),
                    models.Q(("gate__isnull", False), ("reason", "CREDITS")),
                    ("reason__in", ["GIFT", "CODE", "FREE"]),
                    _connector="OR",
                ),
                name="library_item_has_its_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", False)), fields=("user", "album"), name="library_album_once_a_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", False)), fields=("user", "track"), name="library_track_once_a_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user", None)), fields=("guest_key", "album"), name="library_album_once_a_guest"
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user", None)), fields=("guest_key", "track"), name="library_track_once_a_guest"
            ),
        ),
    ]
