"""Wallets: whose credits are whose, and what happened to them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.db.models import Q

from ads.models import Wallet
from ledger import chart, journal
from ledger.journal import Line
from ledger.models import Balance, Posting
from megabox import money
from users.models import User

Person = User | AnonymousUser | None


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a wallet's history. `change_xcr` is XCR micros, above zero when the wallet grew."""

    occurred_at: datetime
    kind: str
    change_xcr: int
    facts: dict[str, object]
    source: str


def for_listener(user: Person, guest_key: str) -> Wallet:
    """The wallet of a person who is signed in, else of the guest with this key; made on first use."""
    if isinstance(user, User):
        return Wallet.objects.get_or_create(user=user)[0]
    assert guest_key, "a guest has a key"
    return Wallet.objects.get_or_create(guest_key=guest_key)[0]


def find(user: Person, guest_key: str) -> Wallet | None:
    """The wallet of a person or a guest, if they have one already."""
    if isinstance(user, User):
        return Wallet.objects.filter(user=user).first()
    return Wallet.objects.filter(guest_key=guest_key).first() if guest_key else None


def claim(guest_key: str, user: User, at: datetime) -> Wallet:
    """Give what a guest earned to the person they turn out to be, at sign-up or log-in; return the person's wallet.

    Somebody without a wallet takes over the guest's; else its credits move, wallet -> wallet. Safe to repeat.
    """
    if not guest_key:
        return for_listener(user, "")
    if not Wallet.objects.filter(user=user).exists() and _adopt(guest_key, user):
        return Wallet.objects.get(user=user)
    mine = for_listener(user, "")
    with transaction.atomic():
        # Whoever claims the same guest at the same time waits here and then finds the key gone. Rows before
        # balances, in id order, as at the gate: two who need both never wait for each other.
        both = Wallet.objects.select_for_update().filter(Q(guest_key=guest_key) | Q(pk=mine.pk)).order_by("pk")
        guest = next((wallet for wallet in both if wallet.guest_key == guest_key), None)
        if guest is None:
            return mine
        _merge(guest, mine, at)
    mine.refresh_from_db()
    return mine


def history(wallet: Wallet, *, limit: int = 100) -> list[Movement]:
    """What a wallet earned, spent, lost and took over, newest first."""
    code = chart.wallet(wallet.pk)
    postings = (Posting.objects.filter(credit__code=code) | Posting.objects.filter(debit__code=code)).select_related(
        "entry", "credit"
    )
    return [
        Movement(
            occurred_at=posting.entry.occurred_at,
            kind=posting.entry.kind,
            change_xcr=posting.amount if posting.credit.code == code else -posting.amount,
            facts=posting.facts,
            source=posting.source,
        )
        for posting in postings.order_by("-entry__occurred_at", "-pk")[:limit]
    ]


def _adopt(guest_key: str, user: User) -> bool:
    """Make the guest's wallet the person's; False when there is none, or the person got one meanwhile."""
    try:
        with transaction.atomic():
            return Wallet.objects.filter(guest_key=guest_key).update(user=user, guest_key=None) == 1
    except IntegrityError:
        return False


def _merge(guest: Wallet, mine: Wallet, at: datetime) -> None:
    balance = journal.lock([chart.wallet(guest.pk), chart.wallet(mine.pk)])[chart.wallet(guest.pk)]
    if balance:
        line = Line(
            debit=chart.wallet(guest.pk),
            credit=chart.wallet(mine.pk),
            amount=balance,
            unit=money.CREDIT,
            source=f"ads.wallet:{guest.pk}",
        )
        journal.post(f"claim:{guest.pk}", "wallet claimed", [line], occurred_at=at)
    open_view: uuid.UUID | None = guest.open_view
    if open_view:
        # The ad that was running when they logged in can still be watched to its end.
        Wallet.objects.filter(pk=mine.pk, open_view__isnull=True).update(open_view=open_view)
    if guest.blocked_at and not mine.blocked_at:
        Wallet.objects.filter(pk=mine.pk).update(blocked_at=guest.blocked_at, blocked_reason=guest.blocked_reason)
    Wallet.objects.filter(pk=guest.pk).update(guest_key=None, merged_into=mine, open_view=None)


def holder(wallet_id: int) -> int:
    """The id of the wallet that holds what this wallet earned: itself, or the one it was merged into."""
    into = Wallet.objects.filter(pk=wallet_id).values_list("merged_into", flat=True).first()
    return into or wallet_id


def balances(wallet_ids: Collection[int]) -> dict[int, int]:
    """Money micros behind the credits of many wallets, by id, in a query for every 500; empty ones are left out."""
    codes = {chart.wallet(wallet_id): wallet_id for wallet_id in wallet_ids}
    found: dict[int, int] = {}
    names = list(codes)
    for start in range(0, len(names), 500):
        some = names[start : start + 500]
        rows = Balance.objects.filter(account__code__in=some, amount__gt=0).values_list("account__code", "amount")
        found |= {codes[code]: money.xcr_to_micros(amount) for code, amount in rows}
    return found


def is_blocked(wallet_id: int) -> bool:
    """Whether this wallet earns no more until somebody has looked at it."""
    return Wallet.objects.filter(pk=wallet_id, blocked_at__isnull=False).exists()
