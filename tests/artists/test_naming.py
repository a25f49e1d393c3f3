"""A file name is believed only when it is certain."""

import pytest

from artists import naming
from artists.audio.tags import tags_from
from artists.forms.artists import ArtistForm
from artists.naming import Guess, album_title, guess


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("01 Night Bus.wav", Guess("Night Bus", 1)),
        ("01_night_bus.wav", Guess("night bus", 1)),
        ("02. Rain.flac", Guess("Rain", 2)),
        ("3. Third Rail.mp3", Guess("Third Rail", 3)),
        ("12 - Last Stop.ogg", Guess("Last Stop", 12)),
        ("Nova Kit - 04 - Glass.wav", Guess("Glass", 4)),
        ("Nova Kit - Night Bus - 04 Glass.wav", Guess("Glass", 4)),
        ("Nova Kit - Glass.wav", Guess("Glass")),
        ("99 Luftballons.wav", Guess("99 Luftballons")),
        ("7 rings.mp3", Guess("7 rings")),
        ("3-2-1 Go.wav", Guess("3-2-1 Go")),
        ("1999.wav", Guess("1999")),
        ("2 + 2 = 5.wav", Guess("2 + 2 = 5")),
        ("Mr. Smith.wav", Guess("Mr. Smith")),
        (".wav", Guess("Untitled")),
        ("no suffix", Guess("no suffix")),
    ],
)
def test_a_name_tells_what_is_certain(name: str, told: Guess) -> None:
    assert guess(name, artist="Nova Kit", album="Night Bus") == told


def test_a_bare_number_is_a_place_beside_files_that_count_with_zeros() -> None:
    assert guess("10 Rain.wav", beside=["09 Glass.wav"]) == Guess("Rain", 10)
    assert guess("10 Rain.wav", beside=["Glass.wav"]) == Guess("10 Rain")


@pytest.mark.parametrize(
    ("name", "title", "position", "disc"),
    [
        ("1-03 Night Bus.flac", "Night Bus", 3, 1),
        ("2-04_night_bus.wav", "night bus", 4, 2),
        ("1-21 Jump.wav", "1-21 Jump", 0, 0),
        ("1.21 Gigawatts.wav", "1.21 Gigawatts", 0, 0),
        ("9-5 Blues.wav", "9-5 Blues", 0, 0),
        ("1-00 Hour.wav", "1-00 Hour", 0, 0),
        ("24-7.wav", "24-7", 0, 0),
    ],
)
def test_a_disc_is_read_only_from_a_name_that_surely_has_one(name: str, title: str, position: int, disc: int) -> None:
    assert guess(name) == Guess(title, position, disc)


def test_a_disc_with_a_high_number_is_believed_beside_one_with_a_zero() -> None:
    assert guess("2-11 Rain.wav", beside=["1-03 Night Bus.wav"]) == Guess("Rain", 11, 2)


SHOP = ["Other Band - Half Light - 01 Dawn.flac", "Other Band - Half Light - 02 Noon - Demo.flac"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Nova Kit - Night Bus - 01 Rain.flac", Guess("Rain", 1)),
        ("NOVA KIT - Half Light - 03 Rain.flac", Guess("Rain", 3, 0, "Half Light")),
        ("Nova-Kit - Half Light - Live - 12 Rain.flac", Guess("Rain", 12, 0, "Half Light - Live")),
        ("Nova Kit - Half Light - 2-04 Rain.flac", Guess("Rain", 4, 2, "Half Light")),
        ("Nova Kit - Half Light - 05 Nova Kit - Rain.flac", Guess("Rain", 5, 0, "Half Light")),
        ("Somebody - Half Light - 01 Rain.flac", Guess("Somebody - Half Light - 01 Rain")),
        ("Nova Kit - Half Light - 00 Rain.flac", Guess("Half Light - 00 Rain")),
        ("Nova Kit - Half Light - 7 Rain.flac", Guess("Half Light - 7 Rain")),
    ],
)
def test_a_name_as_shops_write_it_tells_the_album_too(name: str, told: Guess) -> None:
    assert guess(name, artist="Nova Kit", album="Night Bus") == told


def test_two_files_that_begin_alike_name_album_and_numbers_whoever_sells_them() -> None:
    assert guess(SHOP[0], artist="Nova Records", album="Untitled album", beside=SHOP[1:]) == Guess(
        "Dawn", 1, 0, "Half Light"
    )
    assert guess(SHOP[1], artist="Nova Records", album="Half Light", beside=SHOP[:1]) == Guess("Noon - Demo", 2)


def test_the_signs_that_a_file_name_cannot_have_make_no_other_album() -> None:
    assert guess("AC-DC - Who- Me- - 01 Rain.flac", artist="AC/DC", album="Who? Me?") == Guess("Rain", 1)


def test_names_and_titles_are_one_line_for_they_stand_in_letters_to_others() -> None:
    typed = "Nova\r\n\r\nYour account is \u202elocked"
    form = ArtistForm({"name": typed})
    assert form.is_valid()
    assert form.cleaned_data["name"] == "Nova Your account is locked"
    assert album_title(typed) == "Nova Your account is locked"
    assert tags_from({"album": typed}).album == "Nova Your account is locked"
    assert not ArtistForm({"name": "\u202e\n"}).is_valid()


def test_a_name_with_an_accent_is_the_same_from_a_mac() -> None:
    assert naming.stem("Cafe\u0301.wav") == naming.stem("Caf\u00e9.flac")
