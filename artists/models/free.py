"""Whether music may be had without paying, the same for albums and tracks."""

from django.db import models
from django.db.models import Q

from artists.models.checks import one_of

MOST_DAYS = 3_650


class FreeMode(models.TextChoices):
    """How a listener gets music without paying."""

    AD = "AD", "Free with an ad, or for credits"
    LATER = "LATER", "Free with an ad, some days after it is out"
    FREE = "FREE", "Simply free"
    OFF = "OFF", "Not free"


def _says_from_when(name: str) -> models.CheckConstraint:
    """What is free with an ad later says after how many days, and nothing else says so."""
    days = Q(free_after_days__isnull=False, free_after_days__range=(1, MOST_DAYS))
    nothing = Q(free_after_days__isnull=True, free_from__isnull=True)
    return models.CheckConstraint(condition=Q(free_mode="LATER") & days | ~Q(free_mode="LATER") & nothing, name=name)


class FreeTerms(models.Model):
    """On which terms it is free. What it costs in money and credits differs, so albums and tracks say that themselves.

    Their `Meta` begins with the indexes and constraints of this one.
    """

    wants_full_credit_price = models.BooleanField(
        default=False, db_default=False, help_text="The gate never asks for less than the credit price."
    )
    free_mode = models.CharField(max_length=5, choices=FreeMode.choices, default=FreeMode.AD)
    free_after_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Days after it is published when it becomes free with an ad; LATER only."
    )
    free_from = models.DateTimeField(null=True, blank=True, help_text="When that is, once it is published.")

    class Meta:
        abstract = True
        indexes = [
            models.Index(fields=["free_from"], condition=Q(free_from__isnull=False), name="%(class)s_free_later")
        ]
        constraints = [
            one_of("free_mode", "AD LATER FREE OFF", "%(class)s_free_mode"),
            _says_from_when("%(class)s_free_from_when"),
        ]
