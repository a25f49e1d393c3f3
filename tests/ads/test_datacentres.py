"""The operator's list of data centres: read, bounded, looked up, and never in the way when it is wrong."""

import os
from ipaddress import ip_address
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from ads.models import Impression
from ads.traffic import datacentres, fraud
from ads.traffic.fraud import Reason, Signals
from tests.ads.factories import AGENT, make_ad, make_campaign, page_token

LIST = """# Clouds
198.51.100.0/24   # one of them
203.0.113.9
2001:db8:5::/48
"""


@pytest.fixture
def kept(settings: LazySettings, tmp_path: Path) -> Path:
    path = tmp_path / "datacentres.txt"
    path.write_text(LIST)
    settings.ADS_DATACENTRES = str(path)
    return path


def test_networks_and_addresses_are_found_and_their_neighbours_are_not() -> None:
    found = datacentres.read(LIST.splitlines())
    assert len(found) == 3
    for address in ("198.51.100.0", "198.51.100.255", "203.0.113.9", "2001:db8:5:1::7"):
        assert ip_address(address) in found
    for address in ("198.51.101.0", "203.0.113.8", "2001:db8:6::1", "::c633:6401"):
        assert ip_address(address) not in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("amazon", "Line 2: 'amazon' is neither an address nor a network."),
        ("198.51.100.0/33", "Line 2: '198.51.100.0/33' is neither"),
        ("0.0.0.0/0", "Line 2: 0.0.0.0/0 is too wide"),
        ("2000::/3", "Line 2: 2000::/3 is too wide"),
    ],
)
def test_a_wrong_line_is_named(line: str, said: str) -> None:
    with pytest.raises(datacentres.BadList, match="Line 2") as raised:
        datacentres.read(["192.0.2.0/24", line])
    assert said in str(raised.value)


def test_the_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datacentres, "MOST_NETWORKS", 2)
    with pytest.raises(datacentres.BadList, match="More than 2 networks"):
        datacentres.read(["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"])


def test_a_request_from_a_data_centre_says_so(kept: Path) -> None:
    assert fraud.signals({"User-Agent": AGENT}, "198.51.100.7") == Signals(is_datacentre=True)
    assert fraud.signals({"User-Agent": AGENT}, "192.0.2.7") == Signals()
    assert fraud.signals({"User-Agent": AGENT}, "") == Signals()


def test_the_list_is_read_again_when_it_changed_and_one_that_is_wrong_changes_nothing(
    kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not datacentres.holds("192.0.2.7")
    _write(kept, "192.0.2.0/24", 1)
    assert datacentres.holds("192.0.2.7")
    assert not datacentres.holds("198.51.100.7")
    _write(kept, "all of them", 2)
    assert datacentres.holds("192.0.2.7")
    assert datacentres.holds("192.0.2.7")
    kept.unlink()
    assert datacentres.holds("192.0.2.7")
    assert "neither an address nor a network" in caplog.text


def test_starting_tells_what_is_wrong(kept: Path, settings: LazySettings) -> None:
    assert datacentres.check(None) == []
    kept.write_text("nonsense")
    assert [fault.id for fault in datacentres.check(None)] == ["ads.E001"]
    settings.ADS_DATACENTRES = "/no/such/file"
    assert "No such file" in datacentres.check(None)[0].msg
    settings.ADS_DATACENTRES = ""
    assert datacentres.check(None) == []


@pytest.mark.django_db
def test_what_is_reported_from_a_data_centre_costs_nobody(kept: Path, client: Client) -> None:
    now = timezone.now()
    token = page_token(make_ad(make_campaign(starts_at=now)), at=now)
    event = {"token": token, "stage": "viewed", "visible_ms": 1_500}
    client.post(
        "/ads/events", [event], content_type="application/json", REMOTE_ADDR="203.0.113.9", HTTP_USER_AGENT=AGENT
    )
    assert Impression.objects.get().reason == Reason.DATACENTRE


def _write(path: Path, text: str, second: int) -> None:
    path.write_text(text)
    os.utime(path, (second, second))
