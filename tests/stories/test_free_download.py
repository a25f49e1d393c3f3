"""Story 2: leo, and a guest, watch an ad that pays the artist, and the file arrives tagged and with its cover."""

import io
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from mutagen.id3 import ID3

from ads import audit as ads_audit
from ads import tasks
from ads.delivery import serving
from ads.models import AdEvent, Impression
from ledger import audit as ledger_audit
from ledger import chart, journal
from store import audit
from store.models import LibraryItem
from tests.ads.factories import AGENT, make_ad, make_campaign
from tests.artists.factories import make_track
from tests.users.factories import leo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _campaign() -> None:
    """Acme pays $6 for a thousand views."""
    make_ad(
        make_campaign(cpm_micros=6_000_000, starts_at=timezone.now() - timedelta(days=1)), transcript="Ride with us."
    )
    serving.forget()


def watch(browser: Client, gate: str) -> dict[str, object]:
    """Start the ad and stay to its end: fifteen seconds, which pass at once here."""
    ad = browser.post(f"{gate}start/").json()
    AdEvent.objects.filter(stage="started").update(at=timezone.now() - timedelta(seconds=15))
    done = browser.post(f"{gate}viewed/", {"token": ad["token"], "mode": "audio"}, content_type="application/json")
    again = browser.post(f"{gate}viewed/", {"token": ad["token"], "mode": "audio"}, content_type="application/json")
    assert done.json() == again.json(), "the second of two clicks changes nothing"
    answer: dict[str, object] = done.json()
    return answer


@pytest.mark.parametrize("who", ["leo", "a guest"])
def test_an_ad_pays_the_artist_and_the_file_arrives_tagged(who: str) -> None:
    track = make_track("Rain On Glass")
    browser = Client(headers={"User-Agent": AGENT})
    if who == "leo":
        browser.force_login(leo())

    # The choice: format first, then an ad.
    page = browser.get(f"/get/track/{track.pk}/").content.decode()
    assert page.index("MP3 320") < page.index("Watch 1 ad")
    gate = str(browser.post(f"/get/track/{track.pk}/", {"recipe": "mp3-320", "way": "ad"})["Location"])

    # The ad is watched to its end, counted once, and pays 5 of its 6 credits for the track.
    answer = watch(browser, gate)
    assert answer["granted"] is True
    assert Impression.objects.count() == 1
    assert journal.balance(chart.payee(track.album.artist.payee_id, "pending", "USD")) == 4_500
    assert journal.balance(chart.commission("USD")) == 500
    assert journal.balance(chart.backing("USD")) == 1_000

    # The receipt names the artist's part; the file has its tags; the wallet knows where the credits went.
    receipt = browser.get(str(answer["receipt_url"])).content.decode()
    assert "paid Nova Kit" in receipt
    assert "0.45 c" in receipt
    assert "0.60 c" in receipt
    file = browser.get(f"{gate}file/", follow=True)
    tags = ID3(io.BytesIO(b"".join(file.streaming_content)))  # type: ignore[attr-defined]  # a streaming answer
    assert str(tags["TIT2"]) == "Rain On Glass"
    wallet = browser.get("/wallet/").content.decode()
    assert "1 credit" in wallet
    assert "Nova Kit" in wallet
    assert LibraryItem.objects.get().reason == LibraryItem.Reason.CREDITS

    # Settlement charges the advertiser; everything agrees.
    tasks.settle()
    assert journal.balance(chart.unsettled("USD")) == 0
    findings = [*ledger_audit.findings(), *ads_audit.findings(), *audit.findings()]
    assert findings == []
