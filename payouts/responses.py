"""Answers that are files."""

from django.http import HttpResponse


def csv_file(text: str, filename: str) -> HttpResponse:
    """A CSV to be saved."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
