"""Wallets: whose credits are whose, and what happened to them."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from ads.models import Wallet
from ledger import chart, journal
from ledger.journal import Line
from ledger.models import Account, Balance, Posting
from megabox import money
from users.models import User

Person = User | AnonymousUser | None


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a wallet's history, in XCR micros.

    `change_xcr` is above zero when the wallet grew; 0 when credits came from a guest's wallet that it took over, whose
    history is part of it. `other` is the account on the other side.
    """

    occurred_at: datetime
    kind: str
    change_xcr: int
    amount_xcr: int
    other: str
    facts: dict[str, object]
    source: str
    entry_key: str


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


def prove(user: Person, at: datetime, *, guest_key: str = "") -> None:
    """Note that a wallet is a person's: an account was confirmed, or something was bought. The first time stays."""
    if isinstance(user, User) or guest_key:
        wallet = for_listener(user, guest_key)
        Wallet.objects.filter(pk=wallet.pk, proven_at=None).update(proven_at=at)


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


def postings(wallet: Wallet) -> QuerySet[Posting]:
    """All that ever moved credits of a wallet, or of guests' wallets it took over, newest first."""
    ids = Account.objects.filter(code__in=_codes(wallet)).values_list("pk", flat=True)
    known = list(ids)
    moved = Posting.objects.filter(Q(credit__in=known) | Q(debit__in=known))
    return moved.select_related("entry", "credit", "debit").order_by("-entry__occurred_at", "-pk")


def movements(wallet: Wallet, moved: Iterable[Posting]) -> list[Movement]:
    """What a wallet earned, spent, lost and took over: its `postings`, told from its side."""
    codes = _codes(wallet)
    return [_movement(posting, codes) for posting in moved]


def _codes(wallet: Wallet) -> set[str]:
    guests = Wallet.objects.filter(merged_into=wallet).values_list("pk", flat=True)
    return {chart.wallet(pk) for pk in (wallet.pk, *guests)}


def _movement(posting: Posting, codes: Collection[str]) -> Movement:
    is_in, is_out = posting.credit.code in codes, posting.debit.code in codes
    return Movement(
        occurred_at=posting.entry.occurred_at,
        kind=posting.entry.kind,
        change_xcr=posting.amount * (is_in - is_out),
        amount_xcr=posting.amount,
        other=posting.debit.code if is_in else posting.credit.code,
        facts=posting.facts,
        source=posting.source,
        entry_key=posting.entry.key,
    )


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
    if guest.proven_at and not mine.proven_at:
        Wallet.objects.filter(pk=mine.pk).update(proven_at=guest.proven_at)
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


def unblock(wallet_id: int) -> bool:
    """Let a blocked wallet earn again, once somebody has looked at it; False when it is not blocked."""
    blocked = Wallet.objects.filter(pk=wallet_id, blocked_at__isnull=False)
    return blocked.update(blocked_at=None, blocked_reason="") == 1
