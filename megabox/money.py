"""Arithmetic of money: whole micros, exact shares, and the sentences people read.

Every amount is a whole number of micros (1/1 000 000 of its unit). A unit is an ISO 4217 code, or `XCR` for ad
credits. One credit is worth 0.001 of the ads currency, so 1 000 money micros and 1 000 000 XCR micros.
"""

from collections.abc import Sequence
from decimal import Decimal

from babel.core import UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision, get_currency_symbol, list_currencies

MICROS = 1_000_000
CREDIT = "XCR"
MICROS_PER_CREDIT = 1_000
"""Money micros behind one credit."""

MAX_AMOUNT_MICROS = 100_000 * MICROS
"""No price or deposit typed by a person is larger than this."""


class BadAmount(ValueError):
    """What was typed is not an amount; the message says how to write it."""


def minor_digits(unit: str) -> int:
    """How many decimal places the smallest coin of `unit` has: 2 for USD, 0 for JPY."""
    return get_currency_precision(unit)


def is_counted_alike(unit: str) -> bool:
    """Whether Stripe counts `unit` in the same smallest coins as we do; if not, what we ask would be a hundredth.

    Source: docs.stripe.com/currencies, "Zero-decimal currencies" and "Special cases".
    """
    return unit in list_currencies() and minor_digits(unit) == (0 if unit in _AT_STRIPE_WHOLE else 2)


_AT_STRIPE_WHOLE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"


def micros_per_minor(unit: str) -> int:
    """Micros in the smallest coin of `unit`: 10 000 for USD, 1 000 000 for JPY."""
    return MICROS // int(10 ** minor_digits(unit))


def floor_to_minor(micros: int, unit: str) -> int:
    """Whole minor units (cents) in `micros`, rounded down; the remainder stays where it is."""
    return micros // micros_per_minor(unit)


def from_minor(minor: int, unit: str) -> int:
    """Micros of `minor` units (cents) of `unit`, exact."""
    return minor * micros_per_minor(unit)


def credits_to_micros(count: int) -> int:
    """Money micros behind `count` whole credits, exact."""
    return count * MICROS_PER_CREDIT


def micros_to_xcr(micros: int) -> int:
    """XCR micros that `micros` of money stand behind, exact: 1 micro of money is 1 000 micro-credits."""
    return micros * 1_000


def xcr_to_micros(xcr: int) -> int:
    """Money micros behind `xcr` XCR micros; the books only hold multiples of 1 000."""
    assert xcr % 1_000 == 0, f"{xcr} XCR micros is no multiple of 1 000"
    return xcr // 1_000


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Share `total` micros by `weights`: floors first, then one micro each to the largest remainders.

    Ties go to the lower index. The parts always sum to `total`. Raises ValueError for weights that are negative or
    sum to nothing.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"Weights must be positive, not {list(weights)}.")
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -remainders[i])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def parse_amount(text: str, unit: str, *, most: int = MAX_AMOUNT_MICROS) -> int:
    """Micros of what a person typed as an amount of `unit`, such as `9.99`.

    Raises BadAmount with a sentence that says what to write instead.
    """
    typed = text.strip().removeprefix(get_currency_symbol(unit, locale="en_US")).strip()
    digits = minor_digits(unit)
    example = f"{9.99:.{digits}f}"
    if not typed:
        raise BadAmount(f"Write an amount, like {example}.")
    if "," in typed:
        raise BadAmount(f"Write the amount with a point and without thousands separators, like {example}.")
    if typed.startswith("-"):
        raise BadAmount(f"An amount cannot be below zero. Write it like {example}.")
    whole, _, fraction = typed.partition(".")
    if not whole.isascii() or not whole.isdigit() or (fraction and not (fraction.isascii() and fraction.isdigit())):
        raise BadAmount(f"“{typed[:20]}” is not an amount. Write digits only, like {example}.")
    if len(fraction) > digits:
        raise BadAmount(f"{unit} has {digits} decimal places. Write the amount like {example}.")
    micros = int(Decimal(typed) * MICROS) if len(whole) < 13 else most + 1
    if micros > most:
        raise BadAmount(f"That is more than {display(most, unit)}, the most that can be entered here.")
    return micros


def parse_exact(text: str) -> int:
    """Micros of an amount that a person typed to the last micro: debts have up to six decimals. Raises BadAmount."""
    whole, _, fraction = text.strip().partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) < 10) or (
        fraction and not (fraction.isascii() and fraction.isdigit() and len(fraction) <= 6)
    ):
        raise BadAmount("Write the amount like 9.99, with up to six decimals.")
    micros = int(whole) * MICROS + int(fraction.ljust(6, "0") or 0)
    if not micros:
        raise BadAmount("Write an amount above zero.")
    return micros


def display(micros: int, unit: str, locale: str = "en_US") -> str:
    """`micros` as people read it, rounded down to the smallest coin: `$9.99`."""
    if unit == CREDIT:
        return f"{plain_number(micros)} credit{'' if abs(micros) == MICROS else 's'}"
    sign = -1 if micros < 0 else 1
    amount = Decimal(sign * floor_to_minor(abs(micros), unit)) / 10 ** minor_digits(unit)
    return _format(amount, unit, locale, minor_digits(unit))


def display_exact(micros: int, unit: str, locale: str = "en_US") -> str:
    """`micros` with every digit that is not zero, and at least the coins: `$0.0045`, `$9.99`."""
    if unit == CREDIT:
        return display(micros, unit, locale)
    fraction = f"{abs(micros) % MICROS:06d}".rstrip("0")
    return _format(Decimal(micros) / MICROS, unit, locale, max(minor_digits(unit), len(fraction)))


def plain(micros: int) -> str:
    """`micros` as a number with six decimals for files and reports: `9.990000`."""
    sign = "-" if micros < 0 else ""
    return f"{sign}{abs(micros) // MICROS}.{abs(micros) % MICROS:06d}"


def plain_number(micros: int) -> str:
    """`micros` as a number without needless zeros: `6`, `4.5`."""
    return plain(micros).rstrip("0").rstrip(".")


def _format(amount: Decimal, unit: str, locale: str, digits: int) -> str:
    try:
        return format_currency(
            amount,
            unit,
            locale=locale,
            format="¤#,##0." + "0" * digits if digits else "¤#,##0",
            currency_digits=False,
        )
    except UnknownLocaleError:
        return _format(amount, unit, "en_US", digits)
