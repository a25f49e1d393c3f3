"""`manage.py reconcile`: read Stripe's balance transactions, match them with the books, compare both balances."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from store.reconciliation import balance_checks, stripe_balance


class Command(BaseCommand):
    help = "Reconcile the books with Stripe now, as is done every hour; exits 1 when something needs a person."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = balance_checks.run(at=timezone.now())
        except stripe_balance.NoAnswer as failure:
            raise CommandError(str(failure)) from failure
        self.stdout.write(f"{outcome.added} transactions are new, {outcome.matched} were matched.")
        for sentence in outcome.troubles:
            self.stdout.write(self.style.ERROR(sentence))
        if outcome.troubles:
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS("The books and Stripe agree."))
