"""What was typed into a step of a campaign and could not be stored yet: kept in the session, so nothing is lost."""

from django.http import HttpRequest, QueryDict

_KEY = "campaign_typed"
_MOST_STEPS = 6
_MOST_LETTERS = 4_000
"""Of all values of one step; no step that can be right has so many."""


def keep(request: HttpRequest, pk: int, step: str, names: list[str]) -> None:
    """Keep what was just posted of the fields `names`, instead of what was kept of this step before."""
    typed = {name: request.POST.getlist(name) for name in names}
    if sum(len(value) for values in typed.values() for value in values) > _MOST_LETTERS:
        return
    kept = {key: values for key, values in _all(request).items() if key != f"{pk}/{step}"}
    request.session[_KEY] = dict([*kept.items(), (f"{pk}/{step}", typed)][-_MOST_STEPS:])


def kept(request: HttpRequest, pk: int, step: str) -> QueryDict | None:
    """What was typed into this step and is not stored, or None."""
    typed = _all(request).get(f"{pk}/{step}")
    if typed is None:
        return None
    data = QueryDict(mutable=True)
    for name, values in typed.items():
        data.setlist(name, values)
    return data


def forget(request: HttpRequest, pk: int, step: str) -> None:
    """It was stored, or is not wanted any more."""
    all_of_it = _all(request)
    if all_of_it.pop(f"{pk}/{step}", None) is not None:
        request.session[_KEY] = all_of_it


def steps_kept(request: HttpRequest, pk: int) -> set[str]:
    """The steps of a campaign in which something typed waits to be put right."""
    return {key.partition("/")[2] for key in _all(request) if key.startswith(f"{pk}/")}


def _all(request: HttpRequest) -> dict[str, dict[str, list[str]]]:
    return dict(request.session.get(_KEY, {}))
