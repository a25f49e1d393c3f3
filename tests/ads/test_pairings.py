"""Browsers are paired by a code that is good once, and by nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from ads.megakey import pairings, throttles
from ads.models import Pairing
from ads.rewards import wallets
from tests.ads.factories import AGENT, NOON
from tests.users.factories import leo, make_user, nina
from users.models import User

pytestmark = pytest.mark.django_db
PAIR, WALLET = "/api/v1/megakey/pair", "/api/v1/megakey/wallet"


def paired(user: User) -> str:
    """The token of a browser that was paired through the page and the API."""
    page = Client()
    page.force_login(user)
    code = page.post("/megakey/").context["code"]
    answer = Client().post(PAIR, {"code": code, "name": "Work"}, content_type="application/json")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["token"])


def bearer(token: str) -> Client:
    return Client(headers={"User-Agent": AGENT, "Authorization": f"Bearer {token}"})


def test_a_code_of_the_page_becomes_a_token_that_opens_the_wallet() -> None:
    answer = bearer(paired(leo())).get(WALLET)
    assert answer.status_code == 200
    assert answer.json() == {
        "credits": "0 credits",
        "xcr_micros": 0,
        "seen_today": 0,
        "daily_ads": 60,
        "is_blocked": False,
    }
    assert Pairing.objects.get().wallet.user == leo()


def test_people_who_are_made_up_pair_no_browser_until_an_address_is_confirmed() -> None:
    page = Client()
    page.force_login(make_user("made-up@demo.megabox.test", is_confirmed=False))
    answer = page.post("/megakey/", follow=True)
    assert "Confirm your e-mail address first" in answer.content.decode()
    assert not Pairing.objects.exists()
    assert page.get("/megakey/").status_code == 200


def test_neither_the_code_nor_the_token_is_stored() -> None:
    wallet = wallets.for_listener(leo(), "")
    code = pairings.new_code(wallet, NOON)
    assert code not in str(Pairing.objects.values())
    token = pairings.exchange(code, NOON)
    kept = Pairing.objects.values().get()
    assert token not in str(kept)
    assert len(str(kept["token_hash"])) == 64


def test_a_code_is_good_once_and_for_ten_minutes() -> None:
    wallet = wallets.for_listener(leo(), "")
    code = pairings.new_code(wallet, NOON)
    with pytest.raises(pairings.NotPaired, match="too old"):
        pairings.exchange(code, NOON + timedelta(minutes=10))
    pairings.exchange(code, NOON + timedelta(minutes=9))
    with pytest.raises(pairings.NotPaired, match="Make a new one"):
        pairings.exchange(code, NOON + timedelta(minutes=9))


def test_a_new_code_replaces_the_one_before_and_case_and_dashes_do_not_matter() -> None:
    wallet = wallets.for_listener(leo(), "")
    first, second = pairings.new_code(wallet, NOON), pairings.new_code(wallet, NOON)
    with pytest.raises(pairings.NotPaired):
        pairings.exchange(first, NOON)
    assert pairings.exchange(f"  {second.lower().replace('-', ' ')} ", NOON)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"code": ""}', b'{"code": null}', b'{"code": "\\u0000"}', b"x"])
def test_what_is_no_code_is_refused_with_a_sentence(body: bytes) -> None:
    answer = Client().post(PAIR, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer " + "x" * 5_000])
def test_without_a_token_that_is_known_nobody_gets_in(header: str) -> None:
    answer = Client(headers={"Authorization": header}).get(WALLET)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_session_is_no_token() -> None:
    client = Client()
    client.force_login(leo())
    assert client.get(WALLET).status_code == 401


def test_a_browser_taken_off_on_the_page_is_out_at_once() -> None:
    token = paired(leo())
    page = Client()
    page.force_login(leo())
    assert "Work" in page.get("/megakey/").content.decode()
    assert "taken off" in page.post(f"/megakey/browsers/{Pairing.objects.get().pk}/off/", follow=True).content.decode()
    assert bearer(token).get(WALLET).status_code == 401


def test_a_browser_can_take_itself_off() -> None:
    token = paired(leo())
    assert bearer(token).delete(WALLET).status_code == 204
    assert bearer(token).get(WALLET).status_code == 401


def test_nobody_takes_anothers_browser_off() -> None:
    token = paired(leo())
    stranger = Client()
    stranger.force_login(nina())
    stranger.post(f"/megakey/browsers/{Pairing.objects.get().pk}/off/")
    assert bearer(token).get(WALLET).status_code == 200


def test_a_person_who_may_not_sign_in_any_more_earns_no_more() -> None:
    token = paired(leo())
    User.objects.filter(pk=leo().pk).update(is_active=False)
    assert bearer(token).get(WALLET).status_code == 401


def guess(code: str, address: str = "203.0.113.7") -> Any:
    return Client(REMOTE_ADDR=address).post(PAIR, {"code": code}, content_type="application/json")


def guesses(start: int, count: int) -> list[str]:
    return [f"{number:010}" for number in range(start, start + count)]


@pytest.fixture
def hour(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time the counts go by, in seconds; it passes when a test says so."""
    now = [1_000_000.0]
    monkeypatch.setattr("ads.megakey.throttles.time.time", lambda: now[0])
    return now


def test_a_network_that_guesses_codes_waits_an_hour_even_for_the_right_one(hour: list[float]) -> None:
    code = pairings.new_code(wallets.for_listener(leo(), ""), timezone.now())
    for wrong in guesses(0, 30):
        assert guess(wrong).status_code == 400
    hour[0] += 60
    answer = guess(code, "203.0.113.250")
    assert answer.status_code == 429
    assert answer["Retry-After"] == "3540"
    assert answer.json() == {
        "detail": "Too many wrong codes were tried. Wait 59 minutes, make a new code on your Megakey page and type "
        "that one."
    }
    hour[0] += 3_540
    assert guess(code, "203.0.113.250").status_code == 201


def test_others_pair_while_one_network_guesses(hour: list[float]) -> None:
    for wrong in guesses(0, 40):
        guess(wrong)
    assert guess(guesses(40, 1)[0]).status_code == 429
    for address in ("198.51.100.7", "2001:db8::1", ""):
        code = pairings.new_code(wallets.for_listener(leo(), ""), timezone.now())
        assert guess(code, address).status_code == 201


def test_one_code_is_tried_five_times_from_wherever(hour: list[float]) -> None:
    for n in range(5):
        assert guess("ABCDE-FGHJK", f"198.51.{n}.1").status_code == 400
    assert guess("abcde fghjk", "198.51.9.1").status_code == 429, "however it is written"
    assert guess("ABCDE-FGHJM", "198.51.9.1").status_code == 400


def test_guessing_from_everywhere_has_an_end(hour: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert throttles.WrongCodesOfAll.rate == "3000/hour"
    monkeypatch.setattr(throttles.WrongCodesOfAll, "rate", "100/hour")
    tried = [guess(wrong, f"198.51.{n}.1").status_code for n, wrong in enumerate(guesses(0, 110))]
    assert tried == [400] * 100 + [429] * 10


def test_who_pairs_many_browsers_rightly_never_waits(hour: list[float]) -> None:
    wallet = wallets.for_listener(leo(), "")
    for _ in range(40):
        assert guess(pairings.new_code(wallet, timezone.now())).status_code == 201
        wallet.pairings.all().delete()


def test_what_is_counted_of_wrong_codes_names_neither_them_nor_a_network(
    hour: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    monkeypatch.setattr(cache, "set", lambda *said, **more: kept.append(str((said, more))))
    guess("ABCDE-FGHJK")
    assert len(kept) == 3
    assert not any(word in text for text in kept for word in ("203.0.113", "ABCDE"))


def test_too_many_browsers_are_refused_with_what_to_do() -> None:
    wallet = wallets.for_listener(leo(), "")
    for _ in range(pairings.MOST_BROWSERS):
        pairings.exchange(pairings.new_code(wallet, NOON), NOON)
    page = Client()
    page.force_login(leo())
    assert "Take one off first" in page.post("/megakey/", follow=True).content.decode()


def test_codes_nobody_used_are_forgotten_and_browsers_are_not() -> None:
    wallet = wallets.for_listener(leo(), "")
    pairings.exchange(pairings.new_code(wallet, NOON), NOON)
    pairings.new_code(wallet, NOON)
    assert pairings.forget_codes(NOON + timedelta(hours=1)) == 1
    assert pairings.live(wallet).count() == 1


def test_when_it_was_used_is_known_by_the_day_and_no_finer() -> None:
    wallet = wallets.for_listener(leo(), "")
    token = pairings.exchange(pairings.new_code(wallet, NOON), NOON)
    pairing = pairings.find(token, NOON + timedelta(hours=3))
    assert pairing is not None
    pairing.refresh_from_db()
    assert pairing.last_used_on == NOON.date()
