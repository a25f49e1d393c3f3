"""A checked file as a draft: what its tags and its name tell of track and album, where nobody said anything yet.

Only what is certain is written: a credit that may be two people, or a line of rights that may be none, is left out.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from artists import lrc, naming, slugs, tracks
from artists.models import Album, Contribution, Original, Track, Transfer, Upload
from artists.models.catalogue import MOST_DISCS

UNNUMBERED = 1_000
"""Tracks whose place nobody tells come after those that have one, in the order they were sent."""

MOST_PEOPLE = 20
"""In one role; more are a mistake of whoever wrote the tags."""

_AWAY = 16_000
"""Positions from here on are only held inside a transaction, while tracks change places."""

_ROLES = {
    "performer": Contribution.Role.PERFORMER,
    "composer": Contribution.Role.COMPOSER,
    "lyricist": Contribution.Role.LYRICIST,
    "producer": Contribution.Role.PRODUCER,
    "engineer": Contribution.Role.ENGINEER,
    "remixer": Contribution.Role.REMIXER,
}


def guess(album: Album, upload: Upload) -> naming.Guess:
    """What the file's name tells beside the others of its album."""
    others = album.uploads.exclude(pk=upload.pk).values_list("filename", flat=True)
    return naming.guess(upload.filename, artist=album.artist.name, album=album.title, beside=list(others))


def draft_track(album: Album, upload: Upload, original: Original, guess: naming.Guess, at: datetime) -> Track:
    """Store a draft track made from the file's tags, and from its name, `guess`, where they are silent."""
    tags = original.tags
    performer, disc = str(tags.get("artist", "")), min(int(str(tags.get("disc") or 0)) or guess.disc or 1, MOST_DISCS)
    lyrics, synced_lyrics = _words(tags, original.duration_ms)
    track = Track(
        album=album,
        disc=disc,
        position=_position(album, upload, disc, int(str(tags.get("position") or 0)) or guess.position),
        title=str(tags.get("title") or guess.title)[:200],
        duration_ms=original.duration_ms,
        free_mode=album.free_mode,
        free_after_days=album.free_after_days,
        isrc=str(tags.get("isrc", "")),
        iswc=_iswc(tags),
        is_explicit=bool(tags.get("is_explicit")),
        lyrics=lyrics,
        synced_lyrics=synced_lyrics,
        artist_name=performer[:200] if performer.casefold() != album.artist.name.casefold() else "",
        original=original,
        peaks=original.peaks,
        created_at=at,
    )
    slugs.save(track, at=at)
    Contribution.objects.bulk_create(
        Contribution(track=track, role=role, name=name) for role, name in _people(tags, besides=track.performer)
    )
    return track


def fill_album(album: Album) -> None:
    """Write into empty fields of a draft album what all its files agree on, once no other file is on its way."""
    empty = [name for name in ("label", "c_line", "p_line") if not getattr(album, name)]
    if not empty or album.state != Album.State.DRAFT or album.published_at is not None:
        return
    received = album.uploads.filter(state=Upload.State.RECEIVED, is_dismissed=False)
    if received.exists() or Transfer.objects.unfinished().filter(album=album).exists():
        return
    agreed: dict[str, set[str]] = {"label": set(), "c_line": set(), "p_line": set()}
    of_tracks = Track.objects.kept().filter(album=album, original__isnull=False).order_by()
    for label, copyright_ in of_tracks.values_list("original__tags__label", "original__tags__copyright"):
        agreed["label"].add(str(label or "")[:200])
        for sign, line in rights(str(copyright_ or "")).items():
            agreed[sign].add(line)
    filled = {name: told.pop() for name in empty if len(told := agreed[name] - {""}) == 1}
    for name, value in filled.items():
        setattr(album, name, value)
    if filled:
        album.save(update_fields=list(filled))


_SIGN = re.compile(r"(©|℗|\([cp]\)|\bcopyright\b:?)", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d\b.*\S")


def rights(text: str) -> dict[str, str]:
    """The © and ℗ lines in what a file says of its copyright, as `c_line` and `p_line`, without their signs.

    A text without a sign is a © line if it begins with a year, as ID3 wants it; anything else says nothing certain.
    """
    first, *signed = _SIGN.split(text)
    found: dict[str, str] = {"c_line": _owner(first)} if _YEAR.match(_owner(first)) else {}
    together: list[str] = []
    for sign, line in zip(signed[::2], signed[1::2], strict=True):
        together.append("p_line" if sign.strip("()").casefold() in ("℗", "p") else "c_line")
        # "© & ℗ 2026 Box": both are what follows the second.
        if owner := _owner(line):
            found |= {name: owner for name in together if name not in found}
            together = []
    return {name: line for name, line in found.items() if len(line) <= 200 and "\n" not in line}


def _owner(text: str) -> str:
    bare = re.sub(r"all rights reserved\.?\s*$", "", text, flags=re.IGNORECASE).strip(" ,;.:/&+-–")
    return "" if bare.casefold() == "and" else bare


def _people(tags: Mapping[str, Any], *, besides: str) -> Iterator[tuple[str, str]]:
    """Roles and names of whoever surely took part; who performs the whole track is named by it already."""
    for field, role in _ROLES.items():
        names = dict.fromkeys(filter(None, map(_name, str(tags.get(field, "")).split(";"))))
        if field == "performer":
            names = dict.fromkeys(name for name in names if name.casefold() != besides.casefold())
        if len(names) <= MOST_PEOPLE:
            yield from ((role, name) for name in names)


def _name(text: str) -> str:
    """One name, without the instrument in brackets behind it; empty where it may be several."""
    name = re.sub(r"\s*\([^()]*\)\s*$", "", text).strip()
    return "" if len(name) > 200 or re.search(r"[,/&+\n]", name) else name


def _words(tags: Mapping[str, Any], duration_ms: int) -> tuple[str, str]:
    """Lyrics plain and in time; some programs write LRC where plain ones belong."""
    plain = str(tags.get("lyrics", ""))
    timed = "\n".join(lrc.line(at_ms, text) for at_ms, text in tags.get("synced_lyrics") or ())
    if synced := _fitting(timed, duration_ms):
        return plain, synced
    synced = _fitting(plain, duration_ms)
    return ("", synced) if synced else (plain, "")


def _fitting(text: str, duration_ms: int) -> str:
    """`text` as tidy LRC, if it is LRC that ends before the track does."""
    try:
        lines = lrc.parse(text, duration_ms)
    except lrc.BadLrc:
        return ""
    tidy = "\n".join(lrc.line(one.at_ms, one.text) for one in lines)
    return tidy if any(one.text for one in lines) and len(tidy) <= 40_000 else ""


def _iswc(tags: Mapping[str, Any]) -> str:
    try:
        return tracks.parse_iswc(str(tags.get("iswc", "")))
    except tracks.BadIswc:
        return ""


def _position(album: Album, upload: Upload, disc: int, told: int) -> int:
    """The place that is told, if it is free; else one behind all others of the disc. Publishing closes the gaps.

    Where nothing is told files keep the order in which they were sent, whichever is checked first.
    """
    taken = set(Track.objects.kept().filter(album=album, disc=disc).values_list("position", flat=True))
    if 0 < told < UNNUMBERED:
        return told if told not in taken else max(taken) + 1
    sent_later = Q(uploads__sent_at__gt=upload.sent_at) | Q(uploads__sent_at=upload.sent_at, uploads__pk__gt=upload.pk)
    unnumbered = Track.objects.kept().filter(album=album, disc=disc, position__gte=UNNUMBERED)
    later = unnumbered.filter(sent_later).order_by("position").values_list("position", flat=True).first()
    if later is None:
        return max([UNNUMBERED - 1, *taken]) + 1
    # Make room, past the unique key: first away, then back one place further.
    unnumbered.filter(position__gte=later).update(position=F("position") + _AWAY)
    unnumbered.filter(position__gte=_AWAY).update(position=F("position") - _AWAY + 1)
    return later
