"""What 90 % means: the versions of the rules that turn prices into shares and days into maturities.

Rows that earn freeze the version they were earned under; a new rule is a new version, never a change.
Source: docs/money.md, "What 90 % means".
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Model

from ledger.models import Policy
from megabox.money import MICROS

VERSION_1 = {
    "effective_at": datetime(2000, 1, 1, tzinfo=UTC),
    "commission_basis_points": 1_000,
    "sale_maturity_days": 14,
    "ads_maturity_days": 7,
    "payout_threshold_micros": 50 * MICROS,
    "payout_threshold_min_micros": 10 * MICROS,
}


@dataclass(frozen=True, slots=True)
class Shares:
    """How a price without tax is shared, in micros: both parts sum to the price."""

    payee: int
    commission: int


def current(at: datetime) -> Policy:
    """The policy in force at `at`."""
    return Policy.objects.filter(effective_at__lte=at).latest("effective_at")


def split(price_micros: int, policy: Policy | None = None) -> Shares:
    """Share a price without tax: one tenth, rounded down, is ours; the payee has the rest and every remainder.

    Without a policy, version 1 counts.
    """
    assert price_micros >= 0, f"a price of {price_micros} micros"
    basis_points = policy.commission_basis_points if policy else 1_000
    commission = price_micros * basis_points // 10_000
    return Shares(payee=price_micros - commission, commission=commission)


def make_version_1(model: type[Model], using: str) -> None:
    """Make the first policy where there is none; `model` may be a migration's historical Policy."""
    model._default_manager.using(using).get_or_create(version=1, defaults=VERSION_1)
