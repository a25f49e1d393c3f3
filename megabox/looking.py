"""Django's own admin for rows that only the domain writes: to be looked at."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnly(admin.ModelAdmin[Any]):
    """Rows that only the domain writes."""

    first: Sequence[str] = ()
    """The fields that stand before all others."""

    show_full_result_count = False  # counting a large table twice would be the slowest part of its page

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Those that come first, then the others as the model has them."""
        return [*self.first, *(name for name in super().get_fields(request, obj) if name not in self.first)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        return False
