"""A cell says one thing for certain, or is refused in a sentence."""

from itertools import chain

import pytest

from artists.imports import cells, fields
from artists.imports.cells import BadCell
from artists.imports.fields import BY_NAME, FIELDS, guess, keys_of
from megabox.grids import Line


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("released_on", "2026-11-30", "2026-11-30"),
        ("released_on", "2026/3/1", "2026-03-01"),
        ("released_on", "1.3.2026", "2026-03-01"),
        ("released_on", "31/03/2026", "2026-03-31"),
        ("released_on", "03/31/2026", "2026-03-31"),
        ("released_on", "04/04/2026", "2026-04-04"),
        ("released_on", "30 November 2026", "2026-11-30"),
        ("released_on", "Nov. 30th, 2026", "2026-11-30"),
        ("upc", "036000291452", "036000291452"),
        ("upc", "36000291452", "036000291452"),
        ("upc", "0-36000-29145-2", "036000291452"),
        ("isrc", "de-abc-26-00001", "DEABC2600001"),
        ("iswc", "T-034.524.680-1", "T0345246801"),
        ("number", "07", "7"),
        ("number", "7/12", "7"),
        ("number", "3 of 9", "3"),
        ("disc", "CD 2", "2"),
        ("disc", "1/2", "1"),
        ("price", "7,00", "7.00"),
        ("price", "$7", "7"),
        ("price", "9 €", "9"),
        ("price", "free", "0"),
        ("currency", " eur ", "EUR"),
        ("price_mode", "Name your price", "named"),
        ("free_mode", "Free with an ad, or for credits", "AD"),
        ("genre", "Hip Hop", "hip-hop"),
        ("genre", "R&B", "soul"),
        ("language", "German", "de"),
        ("language", "de", "de"),
        ("licence", "CC BY-SA", "CC-BY-SA-4.0"),
        ("licence", "https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
        ("licence", "All rights reserved", "all-rights-reserved"),
        ("is_explicit", "Explicit", "on"),
        ("is_explicit", "clean", ""),
        ("tags", "Night; tape;night", "night, tape"),
        ("p_line", "℗ 2026 Nova Kit", "2026 Nova Kit"),
        ("c_line", "(C) 2026 Nova Kit", "2026 Nova Kit"),
        ("composer", "Ana Ruiz; Earth, Wind & Fire", "COMPOSER: Ana Ruiz\nCOMPOSER: Earth, Wind & Fire"),
        ("credits", "producer: Ana Ruiz", "PRODUCER: Ana Ruiz"),
        ("artist", "AC/DC", "AC/DC"),
        ("filename", "C:\\masters\\01 Rain.wav", "01 Rain.wav"),
        ("filename", "x" * 200 + ".wav", "x" * 146 + ".wav"),
    ],
)
def test_a_cell_is_read_as_people_write_it(name: str, text: str, read: str) -> None:
    assert BY_NAME[name].read(text) == read


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("released_on", "03/04/2026", "two days"),
        ("released_on", "2026", "no day"),
        ("released_on", "31.02.2026", "no day of the calendar"),
        ("released_on", "30 Brumaire 2026", "no day of the calendar"),
        ("upc", "036000291453", "last one must fit"),
        ("upc", "3.6E+10", "A spreadsheet shortened it"),
        ("isrc", "DE-ABC", "no ISRC"),
        ("iswc", "T-034.524.680-2", "no ISWC"),
        ("number", "A1", "no track number"),
        ("number", "0", "no track number"),
        ("number", "1000", "no track number"),
        ("disc", "51", "no disc"),
        ("price", "seven", "no price"),
        ("price", "-7", "no price"),
        ("price", "1e9", "no price"),
        ("currency", "XAU", "Write one of: USD"),
        ("genre", "Vaporcore", "Write one of: Ambient"),
        ("is_explicit", "perhaps", "neither yes nor no"),
        ("tags", ", ".join(f"tag {n}" for n in range(11)), "These are 11 tags"),
        ("p_line", "Nova Kit", "begins with a year"),
        ("credits", "Ana Ruiz", "choose a role"),
        ("title", "x" * 201, "200"),
        ("artist", "x" * 121, "at most 120"),
        ("synced_lyrics", "no time", "Line 1"),
        ("filename", "x" * 256, "no name of a file"),
        ("track_credit_price", "0", "credits"),
    ],
)
def test_a_cell_that_is_not_certain_is_refused_in_a_sentence(name: str, text: str, says: str) -> None:
    with pytest.raises(BadCell, match=says):
        BY_NAME[name].read(text)


def test_no_word_stands_for_two_fields() -> None:
    words = [
        fields._key(word)
        for field in FIELDS
        for word in {fields._key(word) for word in (*filter(str.strip, field.also.split(",")), field.label)}
    ]
    assert sorted(words) == sorted(set(words))


def test_every_field_is_known_by_its_label_in_a_sheet_of_all() -> None:
    assert guess([field.label for field in FIELDS], {}, []) == [field.name for field in FIELDS]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ("Artist,Album,Track Number,Title,ISRC", "artist,album,number,title,isrc"),
        ("Album Artist,Artist,Release Title,Song", "artist,artist_name,album,title"),
        ("title,artist,upc,price", "album,artist,upc,price"),
        ("No.,Name,Release Date,Record Label", "number,title,released_on,label"),
        ("#,℗,©,(P)", "number,p_line,c_line,"),
        ("Mastering house,Shoe size", ","),
        ("Title,Title", "album,"),
    ],
)
def test_headers_are_guessed_where_they_are_certain(headers: str, told: str) -> None:
    assert guess(headers.split(","), {}, []) == told.split(",")


def test_a_column_of_tracks_with_words_holds_titles() -> None:
    assert guess(["Album", "Track"], {}, [Line(2, ("Night Bus", "Rain"))]) == ["album", "title"]
    assert guess(["Album", "Track"], {}, [Line(2, ("Night Bus", "1"))]) == ["album", "number"]


def test_what_was_told_before_is_told_again() -> None:
    headers = ["Platte", "Stück", "Stück", "Album"]
    keys = keys_of(headers)
    assert len(set(keys)) == len(keys)
    remembered = dict(zip(keys, ["album", "title", "", ""], strict=True))
    assert guess(headers, remembered, []) == ["album", "title", "", ""]
    assert guess(["Stück", "ISRC"], remembered, []) == ["title", "isrc"]


def test_what_a_field_once_was_called_is_forgotten() -> None:
    assert guess(["Platte"], {"platte": "no such field"}, []) == [""]


def test_every_part_of_the_studios_forms_has_a_column() -> None:
    told = {field.form_name for field in FIELDS}
    forms = chain(cells.WORDS, cells.PRICE, cells.RIGHTS, cells.TRACK)
    assert set(forms) <= told


@pytest.mark.parametrize(
    ("text", "is_nothing"), [("free", True), ("0", True), ("0,00", True), ("0.000001", False), ("10", False)]
)
def test_a_price_of_nothing_is_known_by_its_digits(text: str, is_nothing: bool) -> None:
    assert cells.is_nothing(cells.amount(text)) is is_nothing
