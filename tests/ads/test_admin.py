"""Django's own admin of the ads room: it shows, and changes nothing."""

import pytest
from django.test import Client

from ads.models import Campaign
from tests.ads.factories import make_ad, make_campaign
from tests.users.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(make_user("root@demo.megabox.test", is_staff=True, is_superuser=True))
    return client


@pytest.mark.parametrize("kind", [Campaign.Kind.HOUSE, Campaign.Kind.PAID])
def test_campaigns_and_ads_are_looked_at_and_never_changed(root: Client, kind: Campaign.Kind) -> None:
    ad = make_ad(make_campaign(kind=kind))
    for address, row in (("campaign", ad.campaign), ("ad", ad)):
        page = f"/admin/ads/{address}/"
        assert str(row) in root.get(page).text
        assert root.get(f"{page}{row.pk}/change/").status_code == 200
        assert root.get(f"{page}add/").status_code == 403
        assert root.post(f"{page}{row.pk}/change/", {"name": "Another", "title": "Another"}).status_code == 403
        assert root.post(f"{page}{row.pk}/delete/", {"post": "yes"}).status_code == 403
        before = str(row)
        row.refresh_from_db()
        assert str(row) == before


def test_an_advertiser_is_renamed_and_not_stopped_by_hand(root: Client) -> None:
    """Whoever is stopped has their campaigns paused too, and only the domain does both."""
    advertiser = make_campaign().advertiser
    assert advertiser is not None
    typed = {"name": "Acme again", "owner": advertiser.owner_id, "stopped_at_0": "2026-03-02", "stopped_at_1": "12:00"}
    assert root.post(f"/admin/ads/advertiser/{advertiser.pk}/change/", typed).status_code == 302
    advertiser.refresh_from_db()
    assert (advertiser.name, advertiser.stopped_at) == ("Acme again", None)
