"""The text file beside the music of a downloaded album: what it is, who made it, and what may be done with it."""

from collections.abc import Sequence

from artists.models import Album, Licence, Track


def text(album: Album, tracks: Sequence[Track], address: str) -> str:
    """Credits and licence for people, in plain text."""
    licence = Licence(album.licence)
    told = [
        album.title,
        f"by {album.artist.name}",
        "",
        *_line("Released", album.released_on.isoformat() if album.released_on else ""),
        *_line("Label", album.label),
        *_line("UPC", album.upc),
        *_line("©", album.c_line),
        *_line("℗", album.p_line),
        *_line("Licence", licence.label),
        *_line("", licence.url),
        "",
        address,
        "",
    ]
    on_discs = len({track.disc for track in tracks}) > 1
    for track in tracks:
        number = f"{track.disc}-{track.position:02d}" if on_discs else f"{track.position:02d}"
        told.append(f"{number} {track.title}" + (f", {track.artist_name}" if track.artist_name else ""))
        told += [f"   {one.get_role_display()}: {one.name}" for one in track.contributions.all()]
        told += [f"   ISRC: {track.isrc}"] if track.isrc else []
    return "\n".join(told) + "\n"


def _line(label: str, value: str) -> list[str]:
    return [f"{label}: {value}" if label else value] if value else []
