"""What an audit finds, in any room."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the room that looked, the rule's short name, and a sentence that says what is wrong where."""

    room: str
    rule: str
    message: str
