"""Conditions that several tables let the database check."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact


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
