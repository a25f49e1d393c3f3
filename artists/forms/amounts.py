"""Prices and credits as people type them."""

from django import forms

from artists.models import FreeMode
from artists.models.free import MOST_DAYS
from megabox import money

MOST_CREDITS = 1_000_000
FIXED, NAMED, FREE = "fixed", "named", "free"
PRICE_MODES = [
    (FIXED, "A fixed price"),
    (NAMED, "Listeners name the price, from a minimum"),
    (FREE, "Free, nobody pays"),
]
FULL_PRICE = (
    "Usually three ads are enough for any download, even where they pay less than your price. Tick this, and it is "
    "given for all its credits only: fewer people get it, and each download pays you in full."
)


def typed_amount(micros: int, unit: str) -> str:
    """An amount as one would type it: 7.00."""
    minor, digits = money.floor_to_minor(micros, unit), money.minor_digits(unit)
    if not digits:
        return str(minor)
    return f"{minor // 10**digits}.{minor % 10**digits:0{digits}d}"


def parse_price(text: str, mode: str, unit: str) -> int:
    """Micros of a price. Raises money.BadAmount, also for 0 where a fixed price is asked for."""
    if mode == NAMED and not text.strip():
        return 0
    micros = money.parse_amount(text, unit)
    if mode == FIXED and micros == 0:
        raise money.BadAmount("A fixed price is more than 0. Choose “Free” if nobody shall pay.")
    return micros


def parse_credits(text: str) -> int | None:
    """Whole credits that were typed; None for nothing. Raises ValidationError."""
    typed = text.strip().replace(" ", "")
    if not typed:
        return None
    if not typed.isascii() or not typed.isdigit():
        raise forms.ValidationError("Write whole credits in digits, like 30.")
    if len(typed) > 7 or not 1 <= int(typed) <= MOST_CREDITS:
        raise forms.ValidationError(
            f"Write between 1 and {MOST_CREDITS:,} credits, without the comma. For a download that costs none choose "
            "“Simply free”."
        )
    return int(typed)


def parse_days(text: str, mode: str) -> int | None:
    """Days until music is free with an ad; None where `mode` is none that waits. Raises ValidationError."""
    if mode != FreeMode.LATER:
        return None
    typed = text.strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 4 and 1 <= int(typed) <= MOST_DAYS):
        raise forms.ValidationError(f"Write after how many days it is free with an ad: 1 to {MOST_DAYS:,}, like 30.")
    return int(typed)
