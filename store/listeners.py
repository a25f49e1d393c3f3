"""Who listens: a person who is signed in, a guest whose browser keeps a key, or a stranger with neither."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listener:
    """A person by `user_id`, else a guest by `guest_key`, else a stranger."""

    user_id: int | None = None
    guest_key: str = ""

    @property
    def owner(self) -> dict[str, object]:
        """The columns that make a row theirs: a person's rows hold no guest key."""
        if self.user_id is not None:
            return {"user_id": self.user_id, "guest_key": ""}
        assert self.guest_key, "A stranger owns nothing: give them a guest key first."
        return {"user_id": None, "guest_key": self.guest_key}

    @property
    def key(self) -> str:
        """`user:<id>` or `guest:<key>`, as signed links and plays name them."""
        return f"user:{self.user_id}" if self.user_id is not None else f"guest:{self.guest_key}"
