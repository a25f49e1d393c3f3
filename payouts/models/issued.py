"""The table of issued statements: the PDF that was given out, and its fingerprint. Only ever added to."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q


class IssuedQuerySet(models.QuerySet["IssuedStatement"]):
    """Issued statements; none is changed or deleted through here."""

    def update(self, **kwargs: Any) -> int:
        raise AssertionError("an issued statement is never changed: a correction is a new version")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AssertionError("an issued statement is never deleted")


class IssuedStatement(models.Model):
    """A payee's statement of one closed month in one unit, as it was given out.

    `content_hash` covers every figure of it, `sha256` the bytes of the file at `path` in the private storage. The same
    month is issued again only with other figures, as the next version, which names the one it corrects.
    """

    payee = models.ForeignKey("artists.Payee", models.PROTECT, related_name="issued_statements")
    unit = models.CharField(max_length=3)
    month = models.DateField(help_text="Its first day.")
    version = models.PositiveIntegerField()
    number = models.CharField(max_length=60, unique=True)
    content_hash = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=200)
    size_bytes = models.PositiveIntegerField()
    closing_micros = models.BigIntegerField()
    issued_at = models.DateTimeField()
    corrects = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="corrected_by")

    objects = IssuedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-month", "payee", "unit", "-version"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["payee", "unit", "month", "version"], name="statement_version_once"),
            models.UniqueConstraint(fields=["payee", "unit", "month", "content_hash"], name="statement_content_once"),
            models.CheckConstraint(
                condition=Q(version=1, corrects__isnull=True) | Q(version__gt=1, corrects__isnull=False),
                name="statement_correction_names_what_it_corrects",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def save(self, *args: Any, **kwargs: Any) -> None:
        assert self._state.adding, "an issued statement is never changed: a correction is a new version"
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AssertionError("an issued statement is never deleted")
