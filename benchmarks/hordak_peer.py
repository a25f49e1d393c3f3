"""The other side of `benchmarks.peers`: django-hordak in a process and a virtualenv of its own. Not part of Megabox.

Called with the address of an empty database and a number of entries; for each line that comes in it makes so many
entries and answers how many seconds that took.
"""

import sys
import time

import dj_database_url  # type: ignore[import-not-found]
import django
from django.conf import settings


def main(url: str, count: int) -> None:
    """Make the tables and two accounts, then measure whenever asked."""
    settings.configure(
        DATABASES={"default": dj_database_url.parse(url)},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        CURRENCIES=["USD"],
        DEFAULT_CURRENCY="USD",
        HORDAK_DECIMAL_PLACES=6,
        HORDAK_MAX_DIGITS=18,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    from django.core.management import call_command
    from hordak.models import Account, AccountType  # type: ignore[import-not-found]
    from moneyed import Money  # type: ignore[import-not-found]

    call_command("migrate", verbosity=0)
    bank, payee = (
        Account.objects.create(name=name, code=code, type=kind, currencies=["USD"])
        for name, code, kind in (("Stripe", "1", AccountType.asset), ("Payee", "2", AccountType.liability))
    )
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        for number in range(count):
            payee.transfer_to(bank, Money("0.009", "USD"), description=f"sale {number}")
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
