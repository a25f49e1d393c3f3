"""Who is shown where: paid ads before artists before the house, at every place; at the gate only who pays."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ads.delivery import serving
from ads.models import Ad, Campaign, Place
from artists.models import Album
from store.access import gate
from tests.ads.factories import AGENT, make_ad, make_campaign, make_wallet
from tests.artists.factories import make_album, make_artist, make_track
from tests.store.factories import guest, music
from tests.users.factories import charlie

pytestmark = pytest.mark.django_db
KINDS = (Campaign.Kind.PAID, Campaign.Kind.CROSS, Campaign.Kind.HOUSE)


@pytest.fixture
def ads() -> dict[str, Ad]:
    """One approved ad of each kind, live."""
    other = make_album("Tide", artist=make_artist("The Paper Boats", owner=charlie()))
    terms: dict[str, dict[str, Any]] = {
        Campaign.Kind.PAID: {},
        Campaign.Kind.CROSS: {"artist": other.artist, "album": other},
        Campaign.Kind.HOUSE: {},
    }
    return {kind: make_ad(make_campaign(kind=kind, **terms[kind])) for kind in KINDS}


def _stop(kind: str) -> None:
    Campaign.objects.filter(kind=kind).update(state=Campaign.State.PAUSED)


def _shown(place: str) -> str:
    """Which kind of campaign a page gets for `place`."""
    now = timezone.now()
    if place == Place.MEGAKEY:
        picked = serving.pick(place, serving.context_for(make_wallet(), now), now)
        return Campaign.objects.get(pk=picked[0].campaign_id).kind if picked else ""
    page = Client(headers={"User-Agent": AGENT}).get(f"/ads/slot/{place}/album/{_album().pk}/").content.decode()
    found = [ad.campaign.kind for ad in Ad.objects.select_related("campaign") if ad.title in page]
    return found[0] if found else ""


def _album() -> Album:
    return Album.objects.filter(title="Night Bus").first() or make_album()


@pytest.mark.parametrize("place", [Place.PAGE, Place.PLAYER, Place.MEGAKEY])
def test_who_pays_comes_first_then_artists_then_the_house(ads: dict[str, Ad], place: str) -> None:
    shown = []
    for kind in (*KINDS, ""):
        shown.append(_shown(place))
        _stop(kind)
    assert shown == ["PAID", "CROSS", "HOUSE", ""]


def test_the_gate_takes_only_who_pays_and_is_then_on_the_house(ads: dict[str, Ad]) -> None:
    now = timezone.now()
    track = make_track()
    paid = gate.start(gate.open_gate(music(track), "flac", guest(), at=now), at=now)
    assert paid is not None
    assert paid.started.ad == ads[Campaign.Kind.PAID]
    _stop(Campaign.Kind.PAID)
    left = gate.open_gate(music(track), "flac", guest("another"), at=now)
    assert gate.start(left, at=now) is None
    assert gate.state(left).is_on_the_house


def test_an_artist_is_not_promoted_beside_their_own_music(ads: dict[str, Ad]) -> None:
    _stop(Campaign.Kind.PAID)
    own = ads[Campaign.Kind.CROSS].campaign.album
    assert own is not None
    page = Client(headers={"User-Agent": AGENT}).get(f"/ads/slot/page/album/{own.pk}/").content.decode()
    assert ads[Campaign.Kind.HOUSE].title in page


def test_what_nobody_can_see_is_not_promoted(ads: dict[str, Ad]) -> None:
    _stop(Campaign.Kind.PAID)
    Album.objects.filter(title="Tide").update(state=Album.State.WITHDRAWN, withdrawn_at=timezone.now())
    assert _shown(Place.PAGE) == "HOUSE"
