"""How a replaced ad is shared: three tenths wait in escrow for the site, the rest is the listener's. Pure.

Each view is shared by itself, in whole micros, and the remainder is the listener's; so sums of views are sums of
parts, in whatever order views are billed, rejected or paid out. Source: docs/money.md, "Megakey".
"""

from collections.abc import Sequence

from artists.models.payees import WHOLE

SITE_POINTS = 3_000
"""A site's part of what its replaced ads pay, in basis points; frozen in each token."""

Shares = Sequence[Sequence[int]]
"""[[site id, basis points]] of a replaced ad; empty on the extension's own surfaces."""


def shares_of(site_id: int) -> list[list[int]]:
    """What a token for a place on this site says about who shares it."""
    return [[site_id, SITE_POINTS]]


def site_of(shares: Shares) -> int | None:
    """The site that has a part of it; None on the extension's own surfaces."""
    return shares[0][0] if shares else None


def site_part(price_micros: int, shares: Shares) -> int:
    """The site's part of one view, rounded down to whole micros."""
    return price_micros * shares[0][1] // WHOLE if shares else 0


def listener_part(price_micros: int, shares: Shares) -> int:
    """All the rest of one view."""
    return price_micros - site_part(price_micros, shares)
