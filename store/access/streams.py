"""Who may hear a track, and which file they hear."""

from artists.models import Rendition, Track
from store.access import library
from store.listeners import Listener
from store.music import Music


def may_hear(listener: Listener, track: Track) -> bool:
    """Everybody hears what is published, unless its artist says owners only; owners and the artist always do.

    Of an announced album everybody hears what its artist lets them hear before.
    """
    if track.is_heard_now:
        return True
    if track.is_published and not track.album.is_owners_only:
        return True
    if listener.user_id is not None and track.album.artist.owner_id == listener.user_id:
        return True
    return track.published_at is not None and library.has(listener, Music(track=track))


def rendition(track: Track, wanted: str) -> Rendition | None:
    """The file to stream: the wanted one, else any that is ready; None while none is."""
    ready = {one.recipe: one for one in _ready(track)}
    for recipe in (wanted, "opus", "mp3-v0", "mp3-320"):
        if recipe in ready:
            return ready[recipe]
    return None


def _ready(track: Track) -> list[Rendition]:
    return list(Rendition.objects.filter(original=track.original_id, state=Rendition.State.READY).exclude(path=""))
