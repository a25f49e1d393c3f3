"""The staff look at traffic, reject what is invalid, decide about spikes, and unblock wallets."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import LazySettings
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from ads.desk import traffic as traffic_desk
from ads.models import Impression, Invalidation, Spike, Wallet
from ads.revenue import invalidations
from tests.ads.factories import DAY, NEXT_DAY, NOON, make_ad, make_impression, make_wallet, see
from tests.artists.factories import make_album
from tests.users.factories import ada, leo

pytestmark = pytest.mark.django_db
DAYS = {
    "first": DAY.isoformat(),
    "last": "",
    "hour": "",
    "campaign": "",
    "artist": "",
    "place": "",
    "network": "",
    "reason": "",
}


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(ada())
    return client


def text(client: Client, **query: Any) -> str:
    answer = client.get("/desk/traffic/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def reject(desk: Client, **said: Any) -> Any:
    found = invalidations.preview(invalidations.Criteria(DAY, DAY))
    body = {**DAYS, "reason": "bot", "note": "A farm.", "through": found.through, "total": found.count, **said}
    return desk.post("/desk/traffic/invalidate/", body)


def test_nothing_is_looked_at_before_days_are_named(desk: Client) -> None:
    see(make_ad())
    page = text(desk)
    assert "Look at views" in page
    assert "btn--danger" not in page, "nothing can be rejected that was not looked at"
    assert "Nothing was rejected by hand yet" in page


def test_the_last_hour_of_all_time_has_no_views(desk: Client) -> None:
    see(make_ad())
    assert "btn--danger" not in text(desk, first="9999-12-31", hour="23")


def test_the_preview_says_what_would_happen(desk: Client) -> None:
    view = make_impression(
        album=make_album("Night Bus"), prefix_hash="a" * 64, price_micros=3_000, offered_micros=6_000
    )
    page = text(desk, first=DAY.isoformat(), artist=view.artist_id)
    assert "Reject 1 view, give back $0.003" in page
    assert "Withheld by weight" in page
    assert "a" * 12 in page
    assert f"network={'a' * 64}" in page
    assert "Nothing was seen there" in text(desk, first="2020-01-01")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"first": "yesterday"}, "Enter a valid date"),
        ({"first": "2026-11-02", "last": "2026-11-01"}, "The last day is before the first."),
        ({"first": "2026-01-01", "last": "2026-11-01"}, "Look at 31 days at most."),
        ({"first": "2026-11-01", "campaign": "999"}, "No campaign has this number."),
        ({"first": "2026-11-01", "artist": "999"}, "No artist has this number."),
        ({"first": "2026-11-01", "hour": "24"}, "less than or equal to 23"),
        ({"first": "2026-11-01", "network": "abc"}, "Copy all 64 letters"),
        ({"first": "2026-11-01", "rejected": "dull"}, "Select a valid choice"),
        ({"first": "2026-11-01", "place": "moon"}, "Select a valid choice"),
    ],
)
def test_what_was_typed_wrong_is_said_and_kept(desk: Client, query: dict[str, str], sentence: str) -> None:
    page = text(desk, **query)
    assert sentence in page
    assert query["first"] in page


def test_an_order_is_given_looked_at_and_done(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    nudge = Mock()
    monkeypatch.setattr(traffic_desk, "nudge", nudge)
    see(make_ad())
    answer = reject(desk)
    made = Invalidation.objects.get()
    assert answer["Location"] == reverse("ads:invalidation", args=[made.pk])
    assert nudge.call_args.args[1] == made.pk
    page = desk.get(answer["Location"]).content.decode()
    assert "At work" in page
    assert "A farm." in page
    assert "every 2s" in page
    invalidations.work(made.pk, NEXT_DAY)
    page = desk.get(reverse("ads:invalidation_progress", args=[made.pk])).content.decode()
    assert "1 of 1" in page
    assert "every 2s" not in page
    assert Impression.objects.get().reason == "bot"
    assert "1 of 1" in text(desk)
    assert "Nothing was seen there" not in text(desk, first=DAY.isoformat(), rejected="bot")


def test_an_order_without_a_note_or_about_other_views_is_not_given_and_nothing_typed_is_lost(desk: Client) -> None:
    see(make_ad())
    answer = reject(desk, note="")
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()
    see(make_ad(), at=NOON + timedelta(minutes=1))
    answer = reject(desk, total=1)
    assert answer.status_code == 422
    assert "You looked at 1 views, and 2 are left of them" in answer.content.decode()
    assert not Invalidation.objects.exists()


def test_an_order_can_be_stopped_once(desk: Client) -> None:
    see(make_ad())
    reject(desk)
    stop = reverse("ads:stop_invalidation", args=[Invalidation.objects.get().pk])
    assert "Stopped" in desk.post(stop, follow=True).content.decode()
    assert "This order has ended already" in desk.post(stop, follow=True).content.decode()
    assert Impression.objects.get().state == "VIEWED"


def test_spikes_are_shown_with_names_and_decided(desk: Client) -> None:
    artist = make_album().artist
    spike = Spike.objects.create(scope="artist", key=str(artist.pk), hour=NOON, seen=900, usual=3)
    page = text(desk)
    assert artist.name in page
    assert f"first={DAY}&amp;hour=12&amp;artist={artist.pk}" in page
    assert "hours of traffic that stand out" in desk.get("/desk/").content.decode()
    answer = desk.post(reverse("ads:decide_spike", args=[spike.pk, "invalid"]))
    assert answer["Location"] == f"/desk/traffic/?first={DAY}&artist={artist.pk}"
    spike.refresh_from_db()
    assert (spike.state, spike.decided_by) == ("INVALID", ada())
    page = desk.post(reverse("ads:decide_spike", args=[spike.pk, "clear"]), follow=True).content.decode()
    assert "Somebody has decided about this already" in page


def test_a_blocked_wallet_earns_again_and_the_records_say_who_let_it(desk: Client) -> None:
    wallet = make_wallet()
    Wallet.objects.update(blocked_at=NOON, blocked_reason="Credits were paid out.")
    assert "Credits were paid out." in text(desk)
    unblock = reverse("ads:unblock", args=[wallet.pk])
    assert "can earn again" in desk.post(unblock, follow=True).content.decode()
    wallet.refresh_from_db()
    assert (wallet.blocked_at, wallet.blocked_reason) == (None, "")
    assert LogEntry.objects.get().user == ada()
    assert "Credits were paid out." in LogEntry.objects.get().change_message
    assert "is not blocked" in desk.post(unblock, follow=True).content.decode()


@pytest.mark.parametrize("path", ["invalidate/", "1/stop/", "spikes/1/clear/", "wallets/1/unblock/"])
def test_whoever_changes_something_signed_in_a_moment_ago(
    desk: Client, settings: LazySettings, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("users.access.is_mfa_enabled", lambda user: True)
    settings.STAFF_MFA = "required"
    answer = desk.post(f"/desk/traffic/{path}", DAYS)
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]


def test_others_are_turned_away(client: Client) -> None:
    client.force_login(leo())
    assert client.get("/desk/traffic/").status_code == 403
    assert client.post("/desk/traffic/invalidate/", DAYS).status_code == 403
