"""Conditions that several tables let the database check."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact

MOST_DAYS = 3_650


def one_of(field: str, words: str, name: str) -> models.CheckConstraint:
    """`field` holds one of `words`, written with spaces between them."""
    return models.CheckConstraint(condition=Q(**{f"{field}__in": words.split()}), name=name)


def between(field: str, low: int, high: int, name: str) -> models.CheckConstraint:
    """`field` lies between `low` and `high`, both included, or is null."""
    return models.CheckConstraint(condition=Q(**{f"{field}__range": (low, high)}), name=name)


def length_is(field: str, length: int, name: str) -> models.CheckConstraint:
    """The text `field` has exactly `length` characters."""
    return models.CheckConstraint(condition=Exact(Length(field), length), name=name)


def not_empty(field: str, name: str) -> models.CheckConstraint:
    """The text `field` is not empty."""
    return models.CheckConstraint(condition=~Q(**{field: ""}), name=name)


def says_from_when(name: str) -> models.CheckConstraint:
    """What is free with an ad later says after how many days, and nothing else says so."""
    days = Q(free_after_days__isnull=False, free_after_days__range=(1, MOST_DAYS))
    nothing = Q(free_after_days__isnull=True, free_from__isnull=True)
    return models.CheckConstraint(condition=Q(free_mode="LATER") & days | ~Q(free_mode="LATER") & nothing, name=name)
