"""Template filters that show money. They are built in: no template loads them."""

from django import template

from megabox import money as arithmetic

register = template.Library()


@register.filter
def money(micros: int | None, unit: str) -> str:
    """`{{ price_micros|money:unit }}`: `$9.99`, rounded down to the smallest coin."""
    return "" if micros is None else arithmetic.display(micros, unit)


@register.filter
def money_exact(micros: int | None, unit: str) -> str:
    """`{{ amount_micros|money_exact:unit }}`: every digit that counts, `$0.0045`."""
    return "" if micros is None else arithmetic.display_exact(micros, unit)


@register.filter
def credits(xcr_micros: int | None) -> str:
    """`{{ balance|credits }}`: XCR micros as `6 credits`."""
    return "" if xcr_micros is None else arithmetic.display(xcr_micros, arithmetic.CREDIT)


@register.filter
def plain(micros: int | None) -> str:
    """`{{ amount_micros|plain }}`: six decimals, `9.990000`."""
    return "" if micros is None else arithmetic.plain(micros)
