"""Who bought something, or confirmed an address, before wallets said so is known to be a person too."""

from django.db import migrations
from django.utils import timezone


def prove(apps, schema_editor):
    wallets = apps.get_model("ads", "Wallet").objects.filter(proven_at=None)
    orders = apps.get_model("store", "Order").objects.filter(state__in=["PAID", "REFUNDED"])
    confirmed = apps.get_model("account", "EmailAddress").objects.filter(verified=True)
    now = timezone.now()
    wallets.filter(user__in=confirmed.values("user")).update(proven_at=now)
    wallets.filter(user__in=orders.filter(user__isnull=False).values("user")).update(proven_at=now)
    wallets.filter(guest_key__in=orders.exclude(guest_key="").values("guest_key")).update(proven_at=now)


class Migration(migrations.Migration):
    dependencies = [
        ("store", "0006_deposit_refunds"),
        ("ads", "0007_leases_weights_and_suspicion"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunPython(prove, migrations.RunPython.noop)]
