"""Pairing a browser with a wallet: a short code, shown once and good once, becomes a token that only the browser has.

Both are kept as keyed hashes. Whoever signed in made the code; the extension proves by it that it was asked to earn
for them, and from then on shows its token and nothing else.
"""

import secrets
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from ads.models import Pairing, Wallet

CODE_LIVES = timedelta(minutes=10)
MOST_BROWSERS = 10
"""So many browsers a wallet may have at once."""
MOST_NAME = 40

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that looks or sounds like another
_CODE_LETTERS = 10  # 49 bits: for ten minutes nobody guesses one; `ads.megakey.throttles` counts who tries
_MOST_TYPED = 100


class NotPaired(Exception):
    """A code or a browser that cannot be had, with a sentence that says what to do."""


def new_code(wallet: Wallet, at: datetime) -> str:
    """A code for one more browser of this wallet, as people read it; the one before is good no more.

    Raises NotPaired when the wallet has too many browsers.
    """
    if live(wallet).count() >= MOST_BROWSERS:
        raise NotPaired(f"You have {MOST_BROWSERS} browsers already. Take one off first.")
    wallet.pairings.filter(token_hash=None).delete()
    code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
    wallet.pairings.create(code_hash=_hash("code", code), code_ends_at=at + CODE_LIVES, made_at=at)
    return f"{code[:5]}-{code[5:]}"


def exchange(code: str, at: datetime, *, name: str = "") -> str:
    """The token for a code that is fresh and was not used. Raises NotPaired.

    One conditional UPDATE: of two who send the same code, one gets a token.
    """
    token = secrets.token_urlsafe(32)
    fresh = Pairing.objects.filter(code_hash=_hash("code", letters_of(code)), code_ends_at__gt=at, revoked_at=None)
    is_mine = fresh.update(
        code_hash=None,
        token_hash=_hash("token", token),
        paired_at=at,
        name=" ".join(name.split())[:MOST_NAME],
    )
    if not is_mine:
        raise NotPaired("This code is not known or is too old. Make a new one on your Megakey page and type it here.")
    return token


def letters_of(code: str) -> str:
    """A code as it is read: whoever types it may write it in small letters, with dashes and spaces."""
    return "".join(letter for letter in code[:_MOST_TYPED].upper() if letter.isalnum())


def find(token: str, at: datetime) -> Pairing | None:
    """The live pairing of a token, with its wallet and person; None when it was revoked or never was.

    When it was last used is noted by the day, no finer.
    """
    known = Pairing.objects.select_related("wallet__user").filter(token_hash=_hash("token", token[:_MOST_TYPED]))
    pairing = known.filter(revoked_at=None, wallet__user__is_active=True).first()
    today = at.date()
    if pairing is not None and pairing.last_used_on != today:
        Pairing.objects.filter(pk=pairing.pk).update(last_used_on=today)
    return pairing


def live(wallet: Wallet) -> QuerySet[Pairing]:
    """The browsers that earn for this wallet, newest first."""
    return wallet.pairings.filter(revoked_at=None, token_hash__isnull=False).order_by("-paired_at", "-pk")


def revoke(wallet: Wallet, pairing_id: int, at: datetime) -> bool:
    """Take one browser of this wallet off; False when it was off before, or is another's."""
    return wallet.pairings.filter(pk=pairing_id, revoked_at=None).update(revoked_at=at) == 1


def forget_codes(at: datetime) -> int:
    """Delete codes nobody used and pairings that were revoked a month ago; return how many."""
    is_stale = Q(token_hash=None, code_ends_at__lt=at) | Q(revoked_at__lt=at - timedelta(days=30))
    return Pairing.objects.filter(is_stale).delete()[0]


def _hash(what: str, secret: str) -> str:
    return salted_hmac(f"megabox.ads.pairing.{what}", secret, algorithm="sha256").hexdigest()
