"""What a file tells is written into empty fields of drafts, and only what is certain."""

from pathlib import Path
from typing import Any

import pytest
from mutagen.flac import FLAC
from mutagen.id3 import ID3, SYLT, TCOP, TIPL, TMCL, TXXX, USLT
from mutagen.mp4 import MP4

from artists import audio, drafting, transfers, uploads
from artists.models import Album, Original, Track
from tests.artists import sounds
from tests.artists.factories import NOON, make_album, make_artist
from tests.users.factories import nina

pytestmark = pytest.mark.django_db

LRC = "[00:00.50]Rain\n[00:01.25]on glass"
TOLD = audio.Tags(
    title="Rain",
    artist="Nova Kit",
    isrc="DEABC2600002",
    iswc="T-034.524.680-1",
    label="Box Records",
    copyright="© 2026 Nova Kit, ℗ 2026 Box Records",
    lyrics="Rain\non glass",
    synced_lyrics=((500, "Rain"), (1_250, "on glass")),
    composer="Nina Berg",
    lyricist="Leo Falk",
    producer="Ada Lund; Max Ohm",
    engineer="Ida Lind",
    remixer="Ole Dahl",
    performer="Nova Kit; Eva Holm",
    is_explicit=True,
)
PEOPLE = {
    ("COMPOSER", "Nina Berg"),
    ("LYRICIST", "Leo Falk"),
    ("PRODUCER", "Ada Lund"),
    ("PRODUCER", "Max Ohm"),
    ("ENGINEER", "Ida Lind"),
    ("REMIXER", "Ole Dahl"),
    ("PERFORMER", "Eva Holm"),
}


def draft(path: Path, album: Album | None = None, name: str = "") -> Track:
    """The track that nina's file becomes."""
    album = album or make_album(published=False, artist=make_artist("Nova Kit", owner=nina()))
    with path.open("rb") as file:
        upload = uploads.receive(album, file, name or path.name, nina(), NOON)
    assert uploads.ingest(upload.pk, NOON)
    upload.refresh_from_db()
    assert upload.track is not None, upload.reason
    return upload.track


def people(track: Track) -> set[tuple[str, str]]:
    return {(one.role, one.name) for one in track.contributions.all()}


@pytest.mark.parametrize("recipe", audio.RECIPES)
def test_every_container_fills_track_and_album(recipe: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{audio.RECIPES[recipe].extension}"
    audio.transcode(sounds.sound("plain.wav"), recipe, path)
    audio.write_tags(path, recipe, TOLD)
    track = draft(path)
    assert (track.isrc, track.iswc, track.is_explicit) == ("DEABC2600002", "T0345246801", True)
    assert (track.lyrics, track.synced_lyrics) == ("Rain\non glass", LRC)
    assert people(track) == PEOPLE
    album = Album.objects.get()
    assert (album.label, album.c_line, album.p_line) == ("Box Records", "2026 Nova Kit", "2026 Box Records")


def test_an_mp3_names_people_by_lists_and_sings_by_syllables(tmp_path: Path) -> None:
    path = sounds.copy("sound.mp3", tmp_path / "a.mp3")
    held = ID3(path)
    held.add(TIPL(encoding=3, people=[["producer", "Ada Lund"], ["producer", "Max Ohm"], ["mix", "Nobody Known"]]))
    held.add(TMCL(encoding=3, people=[["piano", "Eva Holm"], ["voice", "Nova Kit"]]))
    said = [("\nRain", 500), (" on", 700), ("\nglass", 1_250)]
    held.add(SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=said))
    held.add(TXXX(encoding=3, desc="ITUNESADVISORY", text=["2"]))
    held.save()
    track = draft(path)
    assert people(track) == {("PRODUCER", "Ada Lund"), ("PRODUCER", "Max Ohm"), ("PERFORMER", "Eva Holm")}
    assert track.synced_lyrics == "[00:00.50]Rain on\n[00:01.25]glass"
    assert not track.is_explicit


def test_a_flac_names_people_one_by_one_and_their_instruments(tmp_path: Path) -> None:
    path = sounds.copy("sound.flac", tmp_path / "a.flac")
    held = FLAC(path)
    held["composer"] = ["Nina Berg", "Leo Falk"]
    held["performer"] = ["Eva Holm (piano)", "NOVA KIT (voice)"]
    held["itunesadvisory"] = ["1"]
    held["lyrics"] = [LRC]
    held.save()
    track = draft(path)
    assert people(track) == {("COMPOSER", "Nina Berg"), ("COMPOSER", "Leo Falk"), ("PERFORMER", "Eva Holm")}
    assert (track.lyrics, track.synced_lyrics, track.is_explicit) == ("", LRC, True)


@pytest.mark.parametrize(("rating", "is_explicit"), [(0, False), (1, True), (2, False), (4, True), (9, False)])
def test_an_m4a_is_explicit_if_its_shop_said_so(rating: int, is_explicit: bool, tmp_path: Path) -> None:
    path = sounds.copy("lossy.m4a", tmp_path / "a.m4a")
    held = MP4(path)
    held["rtng"] = [rating]
    held.save()
    assert draft(path).is_explicit is is_explicit


@pytest.mark.parametrize(
    "composer",
    [
        "Nina Berg, Leo Falk",
        "Nina Berg & Leo Falk",
        "Nina Berg/Leo Falk",
        "x" * 201,
        "; ".join(f"Person {number}" for number in range(21)),
    ],
    ids=["comma", "and", "stroke", "long", "many"],
)
def test_a_credit_that_may_be_several_people_is_left_out(composer: str, tmp_path: Path) -> None:
    path = sounds.copy("sound.flac", tmp_path / "a.flac")
    held = FLAC(path)
    held["composer"] = composer
    held.save()
    assert people(draft(path)) == set()


@pytest.mark.parametrize(
    "frame",
    [
        SYLT(encoding=3, lang="eng", format=1, type=1, desc="", text=[("Rain", 5)]),
        SYLT(encoding=3, lang="eng", format=2, type=3, desc="", text=[("Rain", 5)]),
        SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=[("Rain", 9_000)]),
        SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=[("Rain", 2**32 - 1)]),
        SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=[]),
    ],
    ids=["in frames", "no lyrics", "after the end", "after days", "nothing"],
)
def test_words_in_time_that_are_not_certain_are_left_out(frame: SYLT, tmp_path: Path) -> None:
    path = sounds.copy("sound.mp3", tmp_path / "a.mp3")
    held = ID3(path)
    held.add(frame)
    held.add(USLT(encoding=3, lang="eng", desc="", text="Rain\non [00:10] glass"))
    held.add(TXXX(encoding=3, desc="ISWC", text=["T-034.524.680-2"]))
    held.save()
    track = draft(path)
    assert (track.synced_lyrics, track.lyrics, track.iswc) == ("", "Rain\non [00:10] glass", "")


@pytest.mark.parametrize(
    ("text", "c_line", "p_line"),
    [
        ("2026 Nova Kit", "2026 Nova Kit", ""),
        ("(C) 2026 Nova Kit", "2026 Nova Kit", ""),
        ("Copyright © 2026 Nova Kit. All rights reserved.", "2026 Nova Kit", ""),
        ("℗ 2026 Box", "", "2026 Box"),
        ("℗ & © 2026 Box", "2026 Box", "2026 Box"),
        ("(P)(C) 2026 Box", "2026 Box", "2026 Box"),
        ("© 2026 Nova Kit, ℗ 2026 Box", "2026 Nova Kit", "2026 Box"),
        ("(p) 2026 Box; (c) 2026 Nova Kit", "2026 Nova Kit", "2026 Box"),
        ("All rights reserved", "", ""),
        ("CC BY 4.0: share and adapt, name the artist", "", ""),
        ("https://example.org", "", ""),
        ("©", "", ""),
        ("© " + "x" * 201, "", ""),
        ("2026", "", ""),
        ("", "", ""),
    ],
)
def test_lines_of_rights_are_told_apart_by_their_signs(text: str, c_line: str, p_line: str) -> None:
    found = drafting.rights(text)
    assert (found.get("c_line", ""), found.get("p_line", "")) == (c_line, p_line)


def tagged(folder: Path, number: int, **tags: str) -> Path:
    """One of several different files with a copyright and a label."""
    path = sounds.make(folder / f"{number}.flac", source=f"sine=f={200 + number}:r=16000", seconds=1)
    held = FLAC(path)
    held.update(tags)
    held.save()
    return path


def test_an_album_is_filled_by_the_last_file_if_all_agree(tmp_path: Path) -> None:
    album = make_album(published=False, artist=make_artist("Nova Kit", owner=nina()))
    waiting = transfers.create(album, "2.flac", 1000, nina(), NOON)
    draft(tagged(tmp_path, 1, label="Box", copyright="2026 Box"), album)
    album.refresh_from_db()
    assert album.label == ""
    waiting.delete()
    draft(tagged(tmp_path, 2), album)
    album.refresh_from_db()
    assert (album.label, album.c_line, album.p_line) == ("Box", "2026 Box", "")


def test_files_that_say_different_things_fill_nothing(tmp_path: Path) -> None:
    album = make_album(published=False, artist=make_artist("Nova Kit", owner=nina()))
    waiting = transfers.create(album, "2.flac", 1000, nina(), NOON)
    draft(tagged(tmp_path, 1, label="Box", copyright="2026 Box"), album)
    waiting.delete()
    draft(tagged(tmp_path, 2, label="Crate", copyright="2026 Box"), album)
    album.refresh_from_db()
    assert (album.label, album.c_line) == ("", "2026 Box")


@pytest.mark.parametrize("how", [{"published": False, "label": "Mine", "c_line": "2020 Me"}, {"published": True}])
def test_what_somebody_wrote_and_what_is_out_stays(how: dict[str, Any], tmp_path: Path) -> None:
    album = make_album(artist=make_artist("Nova Kit", owner=nina()), **how)
    before = (album.label, album.c_line)
    draft(tagged(tmp_path, 1, label="Box", copyright="2026 Box"), album)
    album.refresh_from_db()
    assert (album.label, album.c_line) == before


def test_what_older_masters_told_is_enough(tmp_path: Path) -> None:
    path = tagged(tmp_path, 1)
    draft(path)
    Original.objects.update(tags={"title": "Old", "lyrics": "Rain", "composer": "Nina Berg"})
    track = draft(path, make_album("Second", published=False, artist=make_artist("Nova Kit", owner=nina())))
    assert (track.title, track.lyrics, people(track)) == ("Old", "Rain", {("COMPOSER", "Nina Berg")})


def test_words_of_rights_in_id3_fill_an_album(tmp_path: Path) -> None:
    path = sounds.copy("sound.mp3", tmp_path / "a.mp3")
    held = ID3(path)
    held.add(TCOP(encoding=3, text=["2026 Nova Kit"]))
    held.save()
    draft(path)
    assert Album.objects.get().c_line == "2026 Nova Kit"
