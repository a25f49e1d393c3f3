"""Words and links of advertisers: shown as they were reviewed, leading where they say."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from ads.assets import links, words
from ads.models import Ad, Campaign
from megabox import media
from tests.ads.factories import make_ad, make_campaign
from tests.ads.test_creatives import picture
from tests.artists.factories import tone
from tests.users.factories import acme, ada

pytestmark = pytest.mark.django_db


def _client() -> Client:
    client = Client()
    client.force_login(acme())
    return client


def _refused(url: str, says: str) -> None:
    """A text ad with this link is refused with the sentence; what was typed stays on the page."""
    campaign = make_campaign(live=False)
    typed = {"title": "Read", "body": "Words", "click_url": url}
    answer = _client().post(f"/advertise/campaigns/{campaign.pk}/ads/text/new/", typed)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert 'value="Read"' in answer.content.decode()
    assert not Ad.objects.exists()


# --- where a click goes


@pytest.mark.parametrize("url", ["javascript:alert(1)", "JaVaScRiPt://x.example/%0Aalert(1)", "java\tscript:alert(1)"])
def test_a_click_runs_no_script(url: str) -> None:
    _refused(url, "begins with https://")


@pytest.mark.parametrize("url", ["data:text/html,<b>x", "vbscript:x", "blob:https://x.example/1", "file:///etc/passwd"])
def test_a_click_opens_no_data(url: str) -> None:
    _refused(url, "begins with https://")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[2001:db8::1]", "2130706433", "0x7f.1", "0177.0.0.1", "10.0.0.1:8000", "1.2.3"]
)
def test_a_click_goes_to_no_number(host: str) -> None:
    _refused(f"https://{host}/", "not a number")


@pytest.mark.parametrize("url", ["https://user:secret@bank.example/", "https://bank.example@evil.example/"])
def test_a_click_carries_no_name_and_password(url: str) -> None:
    _refused(url, "can mislead people")


@pytest.mark.parametrize(
    "host",
    [
        "аррӏе.example",  # all Cyrillic
        "pаypal.example",  # one Cyrillic letter
        "gοοgle.example",  # Greek omicrons
        "xn--80ak6aa92e.example",  # the first one, as machines write it
        "bıng.example",  # a Turkish letter that loses its dot
    ],
)
def test_a_click_goes_to_no_site_that_looks_like_another(host: str) -> None:
    _refused(f"https://{host}/", "look like other ones")


@pytest.mark.parametrize(
    "url",
    [
        "//evil.example/",
        "https://",
        "http://shop.example/",
        "ftp://files.example/",
        "https://exa mple.com/",
        "https://[::1",
        "https://x.example:99999999/",
        "https://good.example\\@evil.example/",
        "https://ｅxample。com/",
        "https://-x.example/",
        "https://x..example/",
        "https://" + "x" * 64 + ".example/",
        "https://x.example/\u202egpj.exe",
        "shop",
    ],
)
def test_a_click_goes_to_a_whole_web_address(url: str) -> None:
    _refused(url, "begins with https://")


@pytest.mark.parametrize("host", ["localhost", "intranet", "printer.local", "x.internal"])
def test_a_click_goes_to_no_machine_of_ones_own(host: str) -> None:
    _refused(f"https://{host}/", "Nobody but you can reach")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "HTTPS://Example.COM/a?b=c#d",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/",
        "https://müller.example:8443/x",
        "https://яндекс.рф/",
        "https://москва.example/",
        "https://日本語テスト.jp/",
        "https://한국.example/",
        "https://sub.very.long-name.co.uk/path/%20",
    ],
)
def test_honest_addresses_of_all_the_world_are_taken(url: str) -> None:
    assert links.clean(f" {url} ") == url


def test_reviewers_see_a_foreign_name_as_machines_write_it() -> None:
    assert links.ascii_host("https://bücher.example/x") == "xn--bcher-kva.example"
    assert links.ascii_host("https://books.example/x") == ""


# --- words


@pytest.mark.parametrize(
    "typed", ["<b>Ride</b>", "<script>alert(1)</script>", "a </p> b", "<!-- x -->", '<img src="x">']
)
def test_markup_in_words_is_refused_and_never_becomes_markup(typed: str) -> None:
    campaign = make_campaign(live=False)
    answer = _client().post(f"/advertise/campaigns/{campaign.pk}/ads/text/new/", {"title": typed, "body": "x"})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "Write plain words" in html
    assert typed not in html
    assert not Ad.objects.exists()


@pytest.mark.parametrize("typed", ["I <3 music", "2 < 3 > 1", "Rock & roll", "a <- b"])
def test_what_is_no_markup_is_taken(typed: str) -> None:
    assert words.plain(typed) == typed


@pytest.mark.parametrize(
    "typed",
    [
        "\u202eelbatpecca",  # turns the order
        "pay\u200bpal",  # zero width space
        "pay\u200dpal",  # a joiner between Latin letters
        "\ufeffRide",
        "Ri\u00adde",  # soft hyphen
        "\u2066Ride\u2069",
        "Ride\x07",
        "\ue000",
    ],
)
def test_invisible_signs_are_refused(typed: str) -> None:
    with pytest.raises(words.BadWords, match="invisible signs"):
        words.plain(typed)


def test_a_tower_of_accents_is_refused() -> None:
    with pytest.raises(words.BadWords, match="accents"):
        words.plain("R" + "\u0336\u0335\u0334\u0337" + "ide")


@pytest.mark.parametrize(
    "typed", ["سوار شو", "می\u200cروم", "רכבו בלילה", "👩\u200d🎤 sings", "Tiếng Việt", "夜のバス", "ノ\u3099"]
)
def test_words_of_all_the_world_are_taken(typed: str) -> None:
    assert words.plain(typed)


def test_words_that_run_from_right_to_left_say_so_where_they_are_shown() -> None:
    ad = make_ad(make_campaign(live=False), title="רכבו בלילה")
    html = _client().get(f"/advertise/campaigns/{ad.campaign_id}/").content.decode()
    assert 'dir="auto">רכבו בלילה' in html


def test_lines_of_a_transcript_are_kept_and_those_of_a_title_are_not() -> None:
    assert words.plain(" a \r\n\r\n\r\n\r\n b  c ", has_lines=True) == "a\n\nb c"
    assert words.plain(" a \n b ") == "a b"


# --- files that are not what they say


def _send(name: str, data: bytes, content_type: str = "image/png") -> Any:
    campaign = Campaign.objects.first() or make_campaign(live=False)
    typed = {"title": "x", "alt": "A bus", "picture": SimpleUploadedFile(name, data, content_type)}
    return _client().post(f"/advertise/campaigns/{campaign.pk}/ads/picture/new/", typed)


def _picture_refused(name: str, data: bytes, says: str, content_type: str = "image/png") -> None:
    answer = _send(name, data, content_type)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert says in html
    assert 'value="A bus"' in html, "the words are kept"
    assert not Ad.objects.exists()


def test_a_polyglot_keeps_nothing_but_its_pixels() -> None:
    answer = _send("bus.jpg", picture(form="JPEG") + b"<script>alert(1)</script>PK\x03\x04", "text/html")
    assert answer.status_code == 302
    ad = Ad.objects.get()
    with media.public().open(ad.path, "rb") as file:
        data = file.read()
    assert data[8:12] == b"WEBP"
    assert b"<script" not in data
    assert b"PK\x03\x04" not in data


def test_a_page_that_calls_itself_a_picture_is_refused() -> None:
    _picture_refused("bus.png", b"<!doctype html><script>alert(1)</script>", "not a picture")


def test_a_drawing_that_can_carry_programs_is_refused() -> None:
    _picture_refused("bus.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>", "SVG", "image/svg+xml")


def test_a_picture_that_moves_is_refused() -> None:
    frames = [Image.new("RGB", (600, 300), colour) for colour in ("red", "blue")]
    for form in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        frames[0].save(out, form, save_all=True, append_images=frames[1:], duration=100)
        _picture_refused(f"bus.{form.lower()}", out.getvalue(), "moving pictures distract")


def test_a_bomb_of_pixels_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    _picture_refused("bus.png", out.getvalue(), "has too many pixels")


def test_a_picture_of_ten_megabytes_is_refused_with_its_size() -> None:
    _picture_refused("bus.png", picture() + b"0" * 10_000_000, "This picture has 10.0 MB.")


def test_a_picture_without_words_is_asked_for_them() -> None:
    campaign = make_campaign(live=False)
    sent = {"title": "x", "alt": " ", "picture": SimpleUploadedFile("bus.png", picture())}
    answer = _client().post(f"/advertise/campaigns/{campaign.pk}/ads/picture/new/", sent)
    assert "Say what the picture shows" in answer.content.decode()


# --- another file in place of the first


def test_another_picture_takes_the_place_of_an_approved_one_after_somebody_has_seen_it() -> None:
    ad = make_ad(sha256="0" * 64)
    seen = ad.content_hash
    typed = {"title": ad.title, "body": ad.body, "click_url": ad.click_url, "alt": "Another bus"}
    file = SimpleUploadedFile("bus.png", picture((900, 300)))
    _client().post(f"/advertise/ads/{ad.pk}/", {**typed, "picture": file})
    ad.refresh_from_db()
    assert (ad.review, ad.width, ad.alt) == ("PENDING", 900, "Another bus")
    assert ad.content_hash != seen
    desk = Client()
    desk.force_login(ada())
    desk.post(f"/desk/ads/{ad.pk}/approve/", {"seen": seen})
    ad.refresh_from_db()
    assert ad.review == "PENDING", "the reviewer looked at the first one"


def test_an_ad_that_is_saved_as_it_was_stays_approved() -> None:
    ad = make_ad()
    typed = {"title": ad.title, "body": ad.body, "click_url": ad.click_url, "alt": ad.alt}
    _client().post(f"/advertise/ads/{ad.pk}/", typed)
    ad.refresh_from_db()
    assert ad.review == "APPROVED"


def test_another_spot_is_made_before_anybody_approves_it(tmp_path: Any) -> None:
    ad = make_ad(kind=Ad.Kind.AUDIO, path="ads/00/old.mp3", sha256="0" * 64, transcript="Ride.", alt="")
    file = SimpleUploadedFile("spot.wav", tone(tmp_path / "spot.wav", seconds=6).read_bytes())
    typed = {"title": ad.title, "body": ad.body, "click_url": ad.click_url, "transcript": "Ride."}
    _client().post(f"/advertise/ads/{ad.pk}/", {**typed, "spot": file})
    ad.refresh_from_db()
    assert (ad.media_state, ad.review, ad.path, ad.is_showable) == ("WANTED", "PENDING", "", False)
    assert not Ad.objects.showable().exists()


def test_a_spot_needs_its_words_when_it_is_changed_too() -> None:
    ad = make_ad(kind=Ad.Kind.AUDIO, path="ads/00/old.mp3", transcript="Ride.", alt="")
    answer = _client().post(f"/advertise/ads/{ad.pk}/", {"title": "x", "transcript": ""})
    assert answer.status_code == 422
    assert "Write the words of the spot" in answer.content.decode()
