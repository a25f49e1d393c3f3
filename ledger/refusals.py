"""Why the books refuse an entry: named exceptions with a sentence, all of them `Refused`."""

from datetime import date, datetime


class Refused(Exception):
    """The books refuse this entry; nothing was written."""


class UnknownCode(Refused):
    """The chart of accounts has no such code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"The chart of accounts has no account {code!r}.")


class BadEntry(Refused):
    """An entry that could never be posted: no lines, no amount, one account twice, a fact that is not plain JSON."""


class UnitMismatch(Refused):
    """A line whose unit is not the unit of both its accounts."""

    def __init__(self, line: int, debit: str, credit: str, unit: str) -> None:
        super().__init__(f"Line {line} is in {unit}, but moves from {debit} to {credit}: units never mix.")


class KeyReused(Refused):
    """The key of an earlier entry, with other content."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"The key {key!r} already names an entry with other content.")


class Overdraft(Refused):
    """A guarded account would go below zero. Amounts are micros of the account's unit."""

    def __init__(self, code: str, available: int, wanted: int) -> None:
        self.code, self.available, self.wanted = code, available, wanted
        super().__init__(f"{code} holds {available} micros, which is less than the {wanted} asked for.")


class OverReversed(Refused):
    """More would be taken back of a posting than it moved."""

    def __init__(self, posting_id: int, amount: int, reversed_before: int, wanted: int) -> None:
        super().__init__(
            f"Posting {posting_id} moved {amount} micros, {reversed_before} are taken back already; "
            f"{wanted} more is too much."
        )


class NotPending(Refused):
    """A payee's pending money would be taken without naming an earning that is still pending for so much."""


class NeverMatures(Refused):
    """Pending money without a day on which it matures would stay pending for ever."""


class Unbacked(Refused):
    """Credits would move without the money behind them, or the money without the credits."""


class MonthClosed(Refused):
    """Something would occur in a month whose books are closed."""

    def __init__(self, occurred_at: datetime) -> None:
        super().__init__(
            f"The books of {occurred_at:%B %Y} are closed: nothing can be booked there any more. "
            "Book it today, as an adjustment that says what it belongs to."
        )


class MonthNotOver(Refused):
    """A month cannot be closed while it still runs."""

    def __init__(self, month: date) -> None:
        super().__init__(f"{month:%B %Y} is not over yet: its books can be closed when it is.")


class ClockWentBack(Refused):
    """The clock says an earlier time than the books know already."""

    def __init__(self, at: datetime, known: datetime) -> None:
        super().__init__(
            f"The clock says {at:%Y-%m-%d %H:%M} UTC, but the books have seen {known:%Y-%m-%d %H:%M} UTC: "
            "set the clock right, then try again."
        )
