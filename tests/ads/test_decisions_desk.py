"""The staff read why an ad was shown, and why another one was not."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from ads import tokens
from ads.delivery import choosing, serving
from ads.delivery.candidates import Context
from ads.desk import decisions as decisions_desk
from ads.models import Ad, Place
from tests.ads.factories import make_ad, make_campaign, make_impression
from tests.artists.factories import make_album
from tests.crashing import Clock
from tests.users.factories import acme, ada

pytestmark = pytest.mark.django_db
SEED = next(seed for seed in map(str, range(100)) if not choosing.is_lottery(Place.PAGE, Context(seed=seed)))


@pytest.fixture(autouse=True)
def _recording(settings: LazySettings) -> Iterator[None]:
    settings.ADS_DECISION_DAYS = 7
    yield
    settings.ADS_DECISION_DAYS = 0


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(ada())
    return client


def _price(cpm: int) -> Ad:
    return make_ad(make_campaign(cpm_micros=cpm * 1_000_000, starts_at=timezone.now() - timedelta(days=1)))


def _offered(at: datetime) -> uuid.UUID:
    album = make_album()
    shares = [(album.artist.payee_id, 10_000)]
    context = serving.context_for(None, at, genre="dub", seed=SEED)
    found = serving.pick_and_offer(Place.PAGE, context, at, artist_id=album.artist_id, shares=shares)
    assert found is not None
    return tokens.verify(found[1]).id


def _page(desk: Client, path: str, **query: str | int) -> str:
    answer = desk.get(f"/desk/traffic/decisions/{path}", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_view_leads_to_how_its_ad_was_chosen(desk: Client) -> None:
    dear, cheap = _price(9), _price(6)
    token_id = _offered(timezone.now())
    view = make_impression(dear, id=token_id)
    link = f"/desk/traffic/decisions/{token_id}/"
    assert f'href="{link}"' in desk.get(f"/desk/books/views/{view.pk}/").content.decode()
    page = desk.get(link).content.decode()
    assert "the same ad came out" in page
    assert dear.title in page
    assert cheap.title in page
    assert "Another one pays more." in page
    assert "dub" in page


def test_one_campaign_is_looked_for_among_many(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    dear, cheap = _price(9), _price(6)
    token_id = _offered(timezone.now())
    page = _page(desk, f"{token_id}/", campaign=cheap.campaign_id)
    assert cheap.title in page
    assert dear.title not in page
    assert "It was not live" in _page(desk, f"{token_id}/", campaign=987_654)
    monkeypatch.setattr(decisions_desk, "MOST_SHOWN", 1)
    assert "1 more are not shown" in _page(desk, f"{token_id}/")


def test_what_does_not_come_out_again_is_said_aloud(desk: Client) -> None:
    _, other = _price(9), _price(6)
    token_id = _offered(timezone.now())
    make_impression(other, id=token_id)
    assert "NOT the same." in _page(desk, f"{token_id}/")


def test_what_cannot_be_replayed_is_a_sentence(desk: Client) -> None:
    assert "Nothing was recorded of it." in _page(desk, f"{tokens.uuid7(timezone.now())}/")
    old = tokens.uuid7(timezone.now() - timedelta(days=9))
    assert "is kept for 7 days" in _page(desk, f"{old}/")
    assert "No offer has this number" in _page(desk, f"{uuid.uuid4()}/")


def test_a_number_is_looked_up(desk: Client) -> None:
    number = uuid.uuid4()
    answer = desk.get("/desk/traffic/decisions/", {"number": f" {number.hex} "})
    assert answer.headers["Location"] == f"/desk/traffic/decisions/{number}/"
    assert "Copy the number whole" in _page(desk, "", number="12")


def test_a_minute_of_a_campaign_is_told(desk: Client, clock: Clock) -> None:
    _, cheap = _price(9), _price(6)
    now = timezone.now()
    for _ in range(2):
        _offered(now)
    page = _page(desk, "", campaign=cheap.campaign_id, minute=f"{now:%Y-%m-%dT%H:%M}")
    assert cheap.campaign.name in page
    assert "Another one pays more." in page
    assert "Nothing was chosen then" in _page(desk, "", campaign=cheap.campaign_id, minute="2026-01-01T10:00")
    assert "No campaign has this number." in _page(desk, "", campaign=987_654, minute="2026-01-01T10:00")


def test_where_nothing_is_recorded_it_says_what_to_do(desk: Client, settings: LazySettings) -> None:
    settings.ADS_DECISION_DAYS = 0
    assert "set ADS_DECISION_DAYS" in _page(desk, "")


def test_advertisers_do_not_read_decisions(client: Client) -> None:
    client.force_login(acme())
    for path in ("", f"{uuid.uuid4()}/"):
        assert client.get(f"/desk/traffic/decisions/{path}").status_code == 403
