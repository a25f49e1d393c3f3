"""The chart of accounts: one function per account gives its code, and `open_all` opens codes on first use.

Every code ends in its unit. What a code means (kind, side, guard) is decided here and nowhere else.
"""

import functools
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import connection

from ledger import sql
from ledger.models import Account, Kind
from ledger.refusals import UnknownCode
from megabox.money import CREDIT

Place = Literal["pending", "payable", "hold", "owed"]
PLACES: tuple[Place, ...] = ("pending", "payable", "hold", "owed")


# --- codes: where our money is


def stripe(unit: str) -> str:
    """Mirror of Stripe's balance."""
    return f"stripe:balance:{unit}"


def bank(unit: str) -> str:
    """The operator's bank account."""
    return f"bank:{unit}"


def receivable(unit: str) -> str:
    """Withdrawn by a card issuer while a dispute is open."""
    return f"dispute:receivable:{unit}"


def suspense(unit: str) -> str:
    """Stripe lines that match nothing yet; must be zero."""
    return f"suspense:stripe:{unit}"


def unsettled(unit: str) -> str:
    """Gate views credited to listeners, not yet charged to their advertiser."""
    return f"ads:unsettled:{unit}"


# --- codes: whose money it is


def payee(payee_id: int | str, place: Place, unit: str) -> str:
    """A payee's money in one of its places: pending, payable, hold, or owed (what the payee owes back)."""
    assert place in PLACES, place
    return f"payee:{payee_id}:{place}:{unit}"


def transit(unit: str) -> str:
    """Reserved by a payout run, not confirmed."""
    return f"payout:transit:{unit}"


def pool(period: str, unit: str) -> str:
    """The artists' pool of a month (`2026-11`), not yet shared out."""
    return f"pool:{period}:{unit}"


def backing(unit: str) -> str:
    """The money behind all outstanding credits."""
    return f"credits:backing:{unit}"


def preorders(unit: str) -> str:
    """What buyers paid, without tax, for music that is not out yet: theirs until it is delivered."""
    return f"preorders:held:{unit}"


def prepaid(advertiser_id: int, unit: str) -> str:
    """An advertiser's deposits, not yet earned."""
    return f"advertiser:{advertiser_id}:prepaid:{unit}"


def advertiser_owed(advertiser_id: int, unit: str) -> str:
    """What an advertiser owes us after a lost dispute."""
    return f"advertiser:{advertiser_id}:owed:{unit}"


def escrow(publisher_id: int, unit: str) -> str:
    """A site's share of the ads that Megakey replaced."""
    return f"publisher:{publisher_id}:escrow:{unit}"


def vat(country: str, unit: str) -> str:
    """Sales tax collected for a country (two capital letters)."""
    return f"tax:vat:{country}:{unit}"


def withheld(country: str, unit: str) -> str:
    """Tax withheld from payees for a country (two capital letters)."""
    return f"tax:withheld:{country}:{unit}"


# --- codes: what we earn and spend


def commission(unit: str) -> str:
    """Megabox's tenth of sales and credit downloads."""
    return f"rev:commission:{unit}"


def ads_revenue(unit: str) -> str:
    """Gross ad revenue."""
    return f"rev:ads:{unit}"


def stripe_fees(unit: str) -> str:
    """Card fees, ours on every sale."""
    return f"exp:stripe_fees:{unit}"


def dispute_fees(unit: str) -> str:
    """Fees of disputes."""
    return f"exp:dispute_fees:{unit}"


def payee_ad_share(unit: str) -> str:
    """The payees' nine tenths of ads beside music."""
    return f"exp:payee_ad_share:{unit}"


def listener_rewards(unit: str) -> str:
    """The listeners' part of ads they watched for credits."""
    return f"exp:listener_rewards:{unit}"


def publishers(unit: str) -> str:
    """The sites' part of replaced ads."""
    return f"exp:publishers:{unit}"


def clawback_loss(unit: str) -> str:
    """What payees owed and never paid back."""
    return f"exp:clawback_loss:{unit}"


# --- codes: credits


def wallet(wallet_id: int) -> str:
    """A listener's or guest's credits, in XCR micros."""
    return f"wallet:{wallet_id}:credits:{CREDIT}"


def xcr_issued() -> str:
    """All credits ever issued."""
    return f"xcr:issued:{CREDIT}"


def xcr_spent() -> str:
    """All credits ever spent."""
    return f"xcr:spent:{CREDIT}"


def xcr_expired() -> str:
    """All credits ever expired."""
    return f"xcr:expired:{CREDIT}"


def xcr_revoked() -> str:
    """All credits ever revoked because their impression was invalid."""
    return f"xcr:revoked:{CREDIT}"


# --- what a code means


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the chart says about a code."""

    kind: Kind
    unit: str
    is_debit_normal: bool
    is_guarded: bool


_ID = r"[0-9A-Za-z-]+"
_FAMILIES: tuple[tuple[str, Kind, bool, bool], ...] = (
    # pattern without the unit, kind, grows by debits, guarded
    (rf"payee:{_ID}:(?:pending|payable|hold)", Kind.LIABILITY, False, True),
    (rf"wallet:{_ID}:credits", Kind.LIABILITY, False, True),
    (r"stripe:balance", Kind.ASSET, True, False),
    (r"(?:rev:commission|rev:ads)", Kind.REVENUE, False, False),
    (r"credits:backing", Kind.LIABILITY, False, False),
    (rf"advertiser:{_ID}:prepaid", Kind.LIABILITY, False, True),
    (r"ads:unsettled", Kind.ASSET, True, False),
    (
        r"exp:(?:stripe_fees|dispute_fees|payee_ad_share|listener_rewards|publishers|clawback_loss)",
        Kind.EXPENSE,
        True,
        False,
    ),
    (r"xcr:issued", Kind.CONTRA, True, False),
    (r"xcr:(?:spent|expired|revoked)", Kind.CONTRA, False, False),
    (rf"(?:payee|advertiser):{_ID}:owed", Kind.ASSET, True, True),
    (r"payout:transit", Kind.LIABILITY, False, False),
    (r"preorders:held", Kind.LIABILITY, False, False),
    (r"pool:\d{4}-(?:0[1-9]|1[0-2])", Kind.LIABILITY, False, True),
    (rf"publisher:{_ID}:escrow", Kind.LIABILITY, False, True),
    (r"tax:(?:vat|withheld):[A-Z]{2}", Kind.LIABILITY, False, False),
    (r"(?:bank|dispute:receivable|suspense:stripe)", Kind.ASSET, True, False),
)
_PATTERNS = tuple(
    (re.compile(pattern), kind, is_debit_normal, is_guarded) for pattern, kind, is_debit_normal, is_guarded in _FAMILIES
)
_UNIT = re.compile(r"[A-Z]{3}")
_CREDIT_FAMILIES = ("wallet:", "xcr:")


@functools.lru_cache(maxsize=10_000)
def meaning(code: str) -> Meaning:
    """Tell what a code means. Raises UnknownCode for a code that the chart does not have."""
    family, _, unit = code.rpartition(":")
    is_credit = family.startswith(_CREDIT_FAMILIES)
    if _UNIT.fullmatch(unit) and is_credit == (unit == CREDIT):
        for pattern, kind, is_debit_normal, is_guarded in _PATTERNS:
            if pattern.fullmatch(family):
                return Meaning(kind, unit, is_debit_normal, is_guarded)
    raise UnknownCode(code)


def is_pending(code: str) -> bool:
    """Is this a payee's place for money that is earned and still inside its window?"""
    return code.startswith("payee:") and ":pending:" in code


def is_wallet(code: str) -> bool:
    """Does this account hold credits somebody can spend?"""
    return code.startswith("wallet:")


def is_backing(code: str) -> bool:
    """Does this account hold the money behind credits?"""
    return code.startswith("credits:backing:")


def owner_id(code: str) -> int:
    """Whose account it is: the number of the payee, the advertiser, the site or the wallet in its code."""
    return int(code.split(":")[1])


# --- opening


def open_all(codes: Iterable[str]) -> dict[str, int]:
    """Open those of `codes` that are not open yet and return the ids of all. Raises UnknownCode.

    Must run inside a transaction. Safe when others open the same codes at the same moment: all open in code order.
    """
    assert connection.in_atomic_block, "accounts are opened inside a transaction"
    wanted = sorted(set(codes))
    ids = sql.account_ids(wanted)
    if len(ids) < len(wanted):
        _open_missing(wanted, ids)
        ids = sql.account_ids(wanted)
    return ids


def lock_all(codes: Iterable[str]) -> tuple[dict[str, int], dict[int, int]]:
    """`open_all`, and lock the guarded ones in id order until the transaction ends; also their micros, by id."""
    assert connection.in_atomic_block, "accounts are locked inside a transaction"
    wanted = sorted(set(codes))
    found = sql.lock_accounts(wanted)
    if len(found) < len(wanted):
        _open_missing(wanted, found)
        found = sql.lock_accounts(wanted)
    ids = {code: pk for code, (pk, _) in found.items()}
    return ids, {pk: amount for pk, amount in found.values() if amount is not None}


def _open_missing(wanted: Sequence[str], known: Container[str]) -> None:
    meanings = [(code, meaning(code)) for code in wanted if code not in known]
    sql.open_accounts([(c, m.kind.value, m.unit, m.is_debit_normal, m.is_guarded) for c, m in meanings])


def open(code: str) -> Account:
    """The account `code`, opened on first use. Raises UnknownCode."""
    return Account.objects.get(pk=open_all([code])[code])
