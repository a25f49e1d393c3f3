"""Rows become albums, and what is wrong with them is said row by row."""

from artists.imports import plans
from artists.imports.fields import Part, guess
from artists.imports.plans import Plan
from megabox import grids


def plan(*rows: str) -> Plan:
    grid = grids.read("\n".join(rows).encode())
    return plans.make(grid, guess(grid.header, {}, grid.lines))


def said(made: Plan) -> list[str]:
    return [str(one) for one in [*made.problems, *(p for album in made.albums for p in album.problems)]]


def test_rows_of_one_album_are_one_album() -> None:
    made = plan("Album,Title,Track,Genre", "Night Bus,Rain,1,Jazz", "Other,Dawn,1,", "night  bus,Glass,2,jazz")
    assert [(one.title, [track.title for track in one.tracks]) for one in made.albums] == [
        ("Night Bus", ["Rain", "Glass"]),
        ("Other", ["Dawn"]),
    ]
    assert made.albums[0].texts[Part.WORDS] == {"genre": "jazz"}
    assert said(made) == []


def test_two_editions_with_two_codes_are_two_albums() -> None:
    made = plan("Album,Title,UPC", "Night Bus,Rain,036000291452", "Night Bus,Rain,042100005264", "Night Bus,Glass,")
    assert [one.upc for one in made.albums] == ["036000291452", "042100005264", ""]


def test_a_row_without_the_code_belongs_to_the_album_that_has_it() -> None:
    made = plan("Album,Title,UPC", "Night Bus,Rain,036000291452", "Night Bus,Glass,")
    assert [len(one.tracks) for one in made.albums] == [2]


def test_a_row_without_a_track_is_about_its_album_alone() -> None:
    made = plan("Album,Label", "Night Bus,Nova Records")
    assert (made.albums[0].tracks, made.albums[0].texts[Part.RIGHTS]) == ([], {"label": "Nova Records"})


def test_two_artists_with_one_title_have_two_albums() -> None:
    assert len(plan("Artist,Album,Title", "Nova Kit,One,a", "Ada,One,b").albums) == 2


def test_roles_and_credits_add_up() -> None:
    made = plan("Album,Title,Composer,Credits", 'One,Rain,Ana; Bo,"producer: Cy\ncomposer: Ana"')
    assert sorted(made.albums[0].tracks[0].texts["credits"].split("\n")) == [
        "COMPOSER: Ana",
        "COMPOSER: Bo",
        "PRODUCER: Cy",
    ]


def test_what_is_wrong_is_said_by_row_and_column() -> None:
    made = plan(
        "Album,Title,Track,ISRC,Price,Genre,File",
        "One,a,1,bad,7.00,Jazz,a.wav",
        ",b,2,,,,",
        "One,c,1,,8.00,,A.WAV",
        "One,d,2,DEABC2600001,,Rock,",
        "One,e,3,DE-ABC-26-00001,7.005,,",
    )
    alone = "If it is about tracks, choose “Price alone” for this column."
    assert said(made) == [
        "Row 3: It names no album. Write its title into every row.",
        "Row 2, ISRC: “bad” is no ISRC. One has 12 characters, like DE-ABC-26-00001: two letters of a country, three "
        "of its registrant, two digits of the year, five of the recording. Leave it empty if you have none.",
        f"Row 4, Price: It says “8.00”, and row 2 says “7.00” of the same album. {alone}",
        "Row 4: It is track 1, and so is row 2.",
        "Row 4: Its sound is “A.WAV”, and so is that of row 2.",
        "Row 5, Genre: It says “rock”, and row 2 says “jazz” of the same album. If it is about tracks, choose “Track "
        "genre” for this column.",
        f"Row 6, Price: It says “7.005”, and row 2 says “7.00” of the same album. {alone}",
        "Row 6, Price: USD has 2 decimal places. Write the amount like 9.99.",
        "Row 6: It has the ISRC DEABC2600001, and so has row 5 of the same album.",
    ]


def test_an_album_has_no_more_tracks_than_files() -> None:
    made = plan("Album,Title", *[f"One,track {n}" for n in range(601)])
    assert said(made) == ["Row 2: Its album has 601 tracks, and 600 is the most."]
