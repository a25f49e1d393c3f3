"""Rows that belong to a person (`user`) or, until they log in, to a guest (`guest_key`, the random key of a browser).

Never to both.
"""

from typing import TypeVar

from django.db import models
from django.db.models import Q

from store.listeners import Listener

_Row = TypeVar("_Row", bound=models.Model)


class Belonging(models.QuerySet[_Row]):
    """Rows that belong to a person or to a guest."""

    def of(self, listener: Listener) -> "Belonging[_Row]":
        """The rows of `listener`; none for a stranger."""
        if listener.user_id is not None:
            return self.filter(user_id=listener.user_id)
        return self.filter(user=None, guest_key=listener.guest_key) if listener.guest_key else self.none()


def one_of(*names: str) -> Q:
    """The condition that exactly one of the nullable columns `names` is set."""
    condition = Q()
    for chosen in names:
        condition |= Q(**{f"{name}__isnull": name != chosen for name in names})
    return condition
