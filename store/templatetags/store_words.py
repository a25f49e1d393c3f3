"""Template filters of the listener's side: credits and amounts of the ads currency in words."""

from django import template
from django.conf import settings

from megabox import money

register = template.Library()


@register.filter
def in_credits(micros: int | None) -> str:
    """`{{ state.asked|in_credits }}`: money micros behind credits as `6 credits`."""
    return money.display(money.micros_to_xcr(micros or 0), money.CREDIT)


@register.filter
def ads_money(micros: int | None) -> str:
    """`{{ paid|ads_money }}`: micros of the ads currency with every digit that counts, `$0.0045`."""
    return money.display_exact(micros or 0, settings.ADS_CURRENCY)


@register.filter
def cents(micros: int, unit: str) -> str:
    """`{{ amount|cents:unit }}`: less than one unit as people say it, `0.45 c`; else, and without cents, as money."""
    if micros >= money.MICROS or money.minor_digits(unit) != 2:
        return money.display_exact(micros, unit)
    hundredths = money.plain_number(micros * 100)
    whole, _, fraction = hundredths.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')} c"


@register.filter
def change(xcr: int) -> str:
    """`{{ movement.change_xcr|change }}`: XCR micros that came or went, `+6 credits`, `−5 credits`."""
    sign = "+" if xcr > 0 else "−"
    return f"{sign}{money.display(abs(xcr), money.CREDIT)}"
