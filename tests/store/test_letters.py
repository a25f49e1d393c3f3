"""The letters of download codes: typed anyhow they are read, and a slip is noticed before anybody is asked."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import letters

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
places = st.integers(0, letters.LENGTH - 1)
codes = st.builds(lambda _: letters.new(), st.integers())


def test_a_new_code_is_read_as_it_is() -> None:
    code = letters.new()
    assert letters.read(code) == code
    assert len(code) == letters.LENGTH


def test_no_letter_looks_like_another_and_no_code_is_a_word() -> None:
    assert not set(letters.ALPHABET) & set("01OILQDAEIU8562") - {"D"}
    assert len(set(letters.ALPHABET)) == 23


def test_codes_are_not_alike() -> None:
    made = {letters.new() for _ in range(2_000)}
    assert len(made) == 2_000
    assert {code[0] for code in made} == set(letters.ALPHABET)


def test_a_code_is_spoken_in_three_groups() -> None:
    assert letters.spoken("BCDFGHJKMNPR") == "BCDF-GHJK-MNPR"


@patient
@given(codes)
def test_case_hyphens_spaces_and_lookalikes_do_not_matter(code: str) -> None:
    typed = letters.spoken(code).lower().replace("b", "8").replace("s", "5").replace("z", "2").replace("v", "u")
    assert letters.read(f"  {typed.replace('g', '6')} ") == code
    assert letters.read(" ".join(code)) == code
    assert letters.read("".join(chr(ord(sign) + 0xFEE0) for sign in code)) == code, "wide, as in East Asia"


@patient
@given(codes, places, st.sampled_from(letters.ALPHABET))
def test_one_wrong_letter_is_always_noticed(code: str, place: int, wrong: str) -> None:
    typed = code[:place] + wrong + code[place + 1 :]
    if typed == code:
        assert letters.read(typed) == code
    else:
        with pytest.raises(letters.Mistyped, match="One letter"):
            letters.read(typed)


@patient
@given(codes, places, places)
def test_two_letters_that_changed_places_are_always_noticed(code: str, one: int, other: int) -> None:
    signs = list(code)
    signs[one], signs[other] = signs[other], signs[one]
    typed = "".join(signs)
    if typed == code:
        assert letters.read(typed) == code
    else:
        with pytest.raises(letters.Mistyped, match="changed places"):
            letters.read(typed)


@patient
@given(st.text())
def test_whatever_is_typed_is_a_code_or_mistyped(text: str) -> None:
    read = ""
    with contextlib.suppress(letters.Mistyped):
        read = letters.read(text)
    assert set(read) <= set(letters.ALPHABET)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Type the code"),
        (" - - ", "Type the code"),
        ("BCDF-GHJK", "these are 8"),
        ("BCDF-GHJK-MNPR-STVW", "these are 16"),
        ("ACDF-GHJK-MNPR", "No code has “A” in it"),
        ("BCDF-GHJK-MN0R", "No code has “0” in it"),
        ("БCDF-GHJK-MNPR", "No code has “Б” in it"),
    ],
)
def test_what_is_no_code_says_why(typed: str, sentence: str) -> None:
    with pytest.raises(letters.Mistyped, match=sentence):
        letters.read(typed)
