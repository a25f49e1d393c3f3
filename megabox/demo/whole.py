"""Whether the demo is there, all of it."""

from datetime import datetime

from megabox.demo import adverts, ahead, catalogue, codes, history, people, unpaid


def is_made(now: datetime) -> bool:
    """True once nothing is left to be made."""
    made = people.is_made() and catalogue.is_made() and adverts.is_made() and unpaid.is_made()
    made = made and codes.is_made() and ahead.is_made()
    return made and history.is_made(people.anchor(now))
