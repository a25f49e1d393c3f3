"""Tokens say exactly what was offered, for as long as it was offered, and nothing a stranger wrote."""

import base64
from datetime import timedelta

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from ads import tokens
from ads.models import Place
from ads.tokens import BadToken, Choice, Fault
from tests.ads.factories import NOON

CHOICE = Choice(ad_id=7, campaign_id=3, price_micros=6_000)


def _gate_token(**terms: object) -> str:
    return tokens.issue(CHOICE, Place.GATE, at=NOON, wallet_id=9, policy_version=1, **terms)  # type: ignore[arg-type]


def _fault(token: str, *, seconds: float = 0) -> Fault:
    with pytest.raises(BadToken) as refused:
        tokens.read(token, NOON + timedelta(seconds=seconds))
    return refused.value.fault


def test_a_token_says_what_was_offered() -> None:
    shares = [[42, 6_000], [43, 4_000]]
    token = tokens.issue(
        CHOICE, Place.PAGE, at=NOON, artist_id=5, album_id=8, wallet_id=9, shares=shares, policy_version=1
    )
    offer = tokens.read(token, NOON + timedelta(minutes=2))
    assert (offer.campaign_id, offer.ad_id, offer.price_micros, offer.place) == (3, 7, 6_000, "page")
    assert (offer.artist_id, offer.album_id, offer.wallet_id, offer.policy_version) == (5, 8, 9, 1)
    assert offer.shares == ((42, 6_000), (43, 4_000))
    assert offer.issued_at == NOON
    assert offer.id.version == 7
    assert len(token) < 200, "a token travels with every page"


def test_a_token_says_who_pays_and_whom_it_was_shown_to() -> None:
    offer = tokens.verify(_gate_token(lease_id=12, is_proven=True, user_id=5))
    assert (offer.lease_id, offer.is_proven, offer.user_id) == (12, True, 5)
    plain = tokens.verify(_gate_token())
    assert (plain.lease_id, plain.is_proven, plain.user_id) == (None, False, None)


def test_tokens_of_the_format_before_are_read_until_they_expire(settings: LazySettings) -> None:
    settings.ADS_TOKEN_KEYS = {"dev": "development-only"}
    token = "AQNkZXYBoZb7FgB6u5qfRwPggjRMiA4CAwfwLgkFCAECKvAuK6AfndVUgXAmlyIRCeZvNB5C1R46ibhzlhXh7a4f8rw5QUY"
    offer = tokens.read(token, NOON + timedelta(minutes=5))
    assert (offer.campaign_id, offer.ad_id, offer.price_micros, offer.place) == (3, 7, 6_000, "page")
    assert (offer.artist_id, offer.album_id, offer.wallet_id, offer.policy_version) == (5, 8, 9, 1)
    assert offer.shares == ((42, 6_000), (43, 4_000))
    assert (offer.lease_id, offer.is_proven, offer.user_id) == (None, False, None)
    assert _fault(token, seconds=3_600) == Fault.EXPIRED


def test_every_token_has_an_id_of_its_own() -> None:
    assert len({tokens.verify(_gate_token()).id for _ in range(200)}) == 200


def test_a_beneficiary_is_named_by_who_shares_and_how() -> None:
    def beneficiary(**terms: object) -> str:
        values: dict[str, object] = {"artist_id": 5, "shares": [[42, 10_000]], "policy_version": 1, **terms}
        return tokens.verify(tokens.issue(CHOICE, Place.PAGE, at=NOON, **values)).beneficiary  # type: ignore[arg-type]

    assert beneficiary() == beneficiary()
    others = [beneficiary(artist_id=6), beneficiary(shares=[[43, 10_000]]), beneficiary(policy_version=2)]
    assert len({beneficiary(), *others}) == 4
    assert tokens.verify(_gate_token()).beneficiary == "gate"


def test_no_bit_of_a_token_can_be_changed() -> None:
    raw = base64.urlsafe_b64decode(_gate_token() + "==")
    for position in range(len(raw)):
        for bit in (1, 128):
            forged = bytearray(raw)
            forged[position] ^= bit
            token = base64.urlsafe_b64encode(bytes(forged)).rstrip(b"=").decode()
            assert _fault(token) in (Fault.FORGED, Fault.MALFORMED)


def test_a_token_that_was_cut_off_is_refused() -> None:
    token = _gate_token()
    for length in range(len(token)):
        assert _fault(token[:length]) in (Fault.FORGED, Fault.MALFORMED)


@given(
    st.text(max_size=300) | st.binary(min_size=40, max_size=300).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)
def test_what_strangers_write_is_never_a_token(text: str) -> None:
    with pytest.raises(BadToken):
        tokens.read(text, NOON)


def test_a_token_dies_when_its_time_is_over() -> None:
    token = _gate_token(lifetime_seconds=60)
    assert tokens.read(token, NOON + timedelta(seconds=60)).ad_id == 7
    assert _fault(token, seconds=61) == Fault.EXPIRED


def test_no_token_outlives_the_day_it_could_be_counted_on() -> None:
    assert tokens.verify(_gate_token(lifetime_seconds=10**6)).lifetime_seconds == tokens.LIFETIME_SECONDS


def test_a_token_from_the_future_is_refused_but_a_slow_clock_is_not() -> None:
    assert _fault(_gate_token(), seconds=-3600) == Fault.EARLY
    assert tokens.read(_gate_token(), NOON - timedelta(minutes=1)).ad_id == 7


def test_keys_rotate(settings: LazySettings) -> None:
    settings.ADS_TOKEN_KEYS = {"old": "a"}
    token = _gate_token()
    settings.ADS_TOKEN_KEYS = {"new": "b", "old": "a"}
    assert tokens.read(token, NOON).ad_id == 7
    newer = _gate_token()
    settings.ADS_TOKEN_KEYS = {"new": "b"}
    assert tokens.read(newer, NOON).ad_id == 7
    assert _fault(token) == Fault.FORGED, "a key that is gone signs nothing"
    settings.ADS_TOKEN_KEYS = {"new": "c"}
    assert _fault(newer) == Fault.FORGED, "the key's name proves nothing"


def test_nothing_is_offered_that_nobody_would_earn() -> None:
    with pytest.raises(AssertionError):
        tokens.issue(CHOICE, Place.GATE, at=NOON, policy_version=1)
    with pytest.raises(AssertionError):
        tokens.issue(CHOICE, Place.PAGE, at=NOON, artist_id=5, policy_version=1)
