"""One call of the API, as the endpoints see it."""

from dataclasses import dataclass, field
from typing import Any

from megabox.standin import errors
from megabox.standin.store import Objects

BACKDATE = "megabox_demo_at"
"""Metadata that lets a demo import charges and transfers of past weeks: seconds since 1970."""


@dataclass(frozen=True)
class Site:
    """Where this stand-in lives and whom it tells."""

    url: str
    webhook_url: str
    webhook_secret: str


@dataclass
class Call:
    """Parameters already checked, objects inside the call's transaction."""

    objects: Objects
    site: Site
    clock: float
    params: dict[str, Any] = field(default_factory=dict)
    path_id: str = ""
    key: str = ""
    request_id: str = ""
    api_version: str = ""
    is_quiet: bool = False
    """No event of this call is delivered (they are stored)."""

    @property
    def now(self) -> int:
        """Whole seconds since 1970."""
        return int(self.clock)

    def created(self, metadata: dict[str, str] | None = None) -> int:
        """When the object being made is said to be made: now, or the past moment a demo asks for."""
        asked = (metadata or self.params.get("metadata") or {}).get(BACKDATE)
        if asked is None:
            return self.now
        if not asked.isdigit() or int(asked) > self.now:
            raise errors.invalid(f"metadata[{BACKDATE}]", "A demo can only be dated back, in seconds since 1970.")
        return int(asked)
