"""What an advertiser has prepaid can be given back."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ads", "0007_leases_weights_and_suspicion"),
        ("store", "0005_named_through"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DepositRefund",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("claimed_by", models.CharField(blank=True, default="", max_length=100)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
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
                ("wanted_at", models.DateTimeField()),
                (
                    "sent_at",
                    models.DateTimeField(blank=True, help_text="When Stripe was first asked with this key.", null=True),
                ),
                ("next_try_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
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
    ]
