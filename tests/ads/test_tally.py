"""What a tab says it was shown: counted as it was written, and whatever else it says counts as nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ads.delivery import tally
from ads.delivery.frequency import Seen
from ads.delivery.tally import SEEN_HEADER, SHOWN_HEADER, Tally
from tests.ads.factories import NOON

MINUTE = timedelta(minutes=1)
LATE = datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC)


def _said(seen: str = "", shown: str = "", at: datetime = NOON) -> Seen:
    return tally.read({SEEN_HEADER: seen, SHOWN_HEADER: shown}, at).counted(at)


def _view(campaign_id: int, ad_id: int, at: datetime = NOON) -> str:
    return tally.write(tally.of_view(campaign_id, ad_id, at), at)


def test_what_was_seen_and_what_is_shown_both_count() -> None:
    seen = f"{_view(1, 10)} {_view(1, 11)} {_view(2, 20)}"
    assert _said(seen, _view(1, 10)) == Seen({1: 3, 2: 1}, frozenset({10, 11, 20}))


def test_the_sum_says_what_its_parts_said() -> None:
    parts = f"{_view(1, 10)} {_view(1, 11)} {_view(2, 20)}"
    added_up = tally.write(tally.read({SEEN_HEADER: parts}, NOON).seen, NOON)
    assert _said(added_up) == _said(parts)
    assert " " not in added_up


def test_an_ad_is_recent_for_five_minutes_and_its_view_counts_until_the_day_is_over() -> None:
    one = _view(1, 10)
    assert _said(one, at=NOON + 5 * MINUTE - timedelta(seconds=1)).recent_ads == {10}
    assert _said(one, at=NOON + 5 * MINUTE) == Seen({1: 1}, frozenset())
    assert _said(_view(1, 10, LATE), at=LATE) == Seen({1: 1}, frozenset({10}))
    assert _said(_view(1, 10, LATE), at=LATE + timedelta(seconds=1)) == Seen({}, frozenset())


def test_an_older_key_is_read_as_long_as_it_is_listed(settings: Any) -> None:
    settings.ADS_TOKEN_KEYS = {"old": "an old secret"}
    one = _view(1, 10)
    settings.ADS_TOKEN_KEYS = {"new": "a new secret", "old": "an old secret"}
    assert _said(one).views_today == {1: 1}
    settings.ADS_TOKEN_KEYS = {"new": "a new secret"}
    assert _said(one) == Seen({}, frozenset())


def test_a_tally_never_grows_beyond_what_a_header_holds() -> None:
    campaigns = range(900_000, 900_500)
    long_one = Tally(dict.fromkeys(campaigns, 50), dict.fromkeys(range(500), 43_200))
    text = tally.write(long_one, NOON)
    assert len(text) < 1_600
    said = _said(text)
    assert set(said.views_today) == set(campaigns[-tally.MOST_CAMPAIGNS :]), "the last that were seen"
    assert len(said.recent_ads) == tally.MOST_ADS
    largest = Tally(dict.fromkeys(range(2**63 - 500, 2**63), 10**9), dict.fromkeys(range(2**63 - 500, 2**63), 43_200))
    assert len(tally.write(largest, NOON)) < tally.MOST_CHARACTERS


def test_what_was_seen_again_is_not_the_first_to_be_forgotten() -> None:
    first = _view(1, 1)
    many = tally.write(Tally(dict.fromkeys(range(2, 2 + tally.MOST_CAMPAIGNS - 1), 1)), NOON)
    one_more = _view(500, 500)
    again = tally.write(tally.read({SEEN_HEADER: f"{first} {many} {_view(1, 1)} {one_more}"}, NOON).seen, NOON)
    said = _said(again).views_today
    assert said[1] == 2
    assert 2 not in said


GENUINE = _view(1, 10)


@given(
    st.text(max_size=80)
    | st.builds(lambda at: GENUINE[:at], st.integers(0, len(GENUINE) - 1))
    | st.builds(
        lambda at, new: GENUINE[:at] + new + GENUINE[at + 1 :], st.integers(0, len(GENUINE) - 1), st.text("0=é")
    )
)
def test_what_we_did_not_write_says_nothing_and_is_no_error(text: str) -> None:
    if text != GENUINE:
        assert _said(text, text) in (Seen({}, frozenset()), _said(GENUINE, GENUINE))
        assert _said(text.replace(GENUINE, "")) == Seen({}, frozenset())


def test_a_forged_part_does_not_spoil_the_others_and_a_long_header_says_nothing() -> None:
    assert _said(f"1=5/10=4/AAAA {GENUINE} x").views_today == {1: 1}
    assert _said(" ".join([GENUINE] * 200)) == Seen({}, frozenset())


@pytest.mark.parametrize("at", [NOON, NOON - timedelta(days=1), NOON + timedelta(days=1)])
def test_a_tally_names_nobody_and_two_tabs_that_saw_the_same_say_the_same(at: datetime) -> None:
    assert _view(7, 8, at) == _view(7, 8, at)
