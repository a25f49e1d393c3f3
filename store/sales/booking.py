"""What an order books when its money came: one entry for all its lines, by what was frozen on them.

Source of the amounts: docs/money.md, "What 90 % means" and "Journal of every event".
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ads.budgets import funds
from ledger import chart, journal, policy
from ledger.journal import Line
from ledger.models import Policy
from megabox import money
from store.models import Order, OrderLine


def sale(order: Order, lines: Sequence[OrderLine], at: datetime) -> None:
    """One entry: for each line the payees' nine tenths by its frozen split, our tenth, and the tax.

    What a pre-order held is shared out when it is delivered; its tax was booked when it was paid.
    """
    taxes = money.allocate(order.tax_micros, [line.price_micros for line in lines])
    rules = {rule.version: rule for rule in Policy.objects.filter(version__in=[line.policy_version for line in lines])}
    movements: list[Line] = []
    for line, tax in zip(lines, taxes, strict=True):
        movements += _sale_lines(order, line, tax, rules[line.policy_version], at)
    journal.post(order.sale_key, "sale", movements, occurred_at=at)


def _sale_lines(order: Order, line: OrderLine, tax: int, rules: Policy, at: datetime) -> Iterable[Line]:
    assert line.net_micros is not None
    unit, is_held = order.unit, order.kind == Order.Kind.PREORDER
    cash = chart.preorders(unit) if is_held else chart.stripe(unit)
    shares = policy.split(line.net_micros, rules)
    matures_on = at.date() + timedelta(days=rules.sale_maturity_days)
    facts = {
        **line.facts,
        "country": order.country,
        "quantity": 1,
        "price_micros": line.net_micros,
        "tax_micros": tax,
        "rule": f"policy {rules.version}",
        "share_micros": shares.payee,
    }
    parts = money.allocate(shares.payee, [points for _, points in line.shares])
    for (payee_id, points), part in zip(line.shares, parts, strict=True):
        if part:
            code = chart.payee(payee_id, "pending", unit)
            mine = {**facts, "split_basis_points": points}
            yield Line(cash, code, part, unit, source=line.source, facts=mine, matures_on=matures_on)
    if shares.commission:
        yield Line(cash, chart.commission(unit), shares.commission, unit, source=line.source, facts=facts)
    if tax and not is_held:
        yield Line(cash, chart.vat(order.country, unit), tax, unit, source=line.source, facts=facts)


def preorder(order: Order, lines: Sequence[OrderLine], at: datetime) -> None:
    """The price is held until the music is delivered, and nobody's revenue before; the tax is due when it is paid."""
    cash, tax = chart.stripe(order.unit), order.tax_micros
    movements: list[Line] = []
    for line in lines:
        assert line.net_micros is not None
        facts = {**line.facts, "country": order.country, "price_micros": line.net_micros, "tax_micros": tax}
        held = (chart.preorders(order.unit), line.net_micros)
        for code, part in (held, (chart.vat(order.country, order.unit), tax)) if tax else (held,):
            movements.append(Line(cash, code, part, order.unit, source=line.source, facts=facts))
    journal.post(order.entry_key, "pre-order", movements, occurred_at=at)


def deposit(order: Order, lines: Sequence[OrderLine], at: datetime) -> None:
    """The whole deposit is the advertiser's to spend, once what they owe is settled; the card fee is ours."""
    movements = []
    for line in lines:
        assert line.advertiser_id is not None and line.net_micros is not None
        prepaid = chart.prepaid(line.advertiser_id, order.unit)
        movements.append(Line(chart.stripe(order.unit), prepaid, line.net_micros, order.unit, source=line.source))
    journal.post(order.entry_key, "deposit", movements, occurred_at=at)
    for line in lines:
        assert line.advertiser_id is not None
        funds.settle_owed(line.advertiser_id, order.unit, key=f"{order.entry_key}:owed:{line.advertiser_id}", at=at)
