"""The page on privacy states what the code does: its numbers are the code's, and what it denies is not there."""

import re
from pathlib import Path

import pytest
from django.conf import LazySettings, settings
from django.test import Client

from ads import tokens
from ads.measurement import counting
from ads.models import Impression
from ads.traffic import prefixes
from artists import signing
from payouts.reports import STATEMENT

pytestmark = pytest.mark.django_db
ROOT = Path(settings.BASE_DIR)


def page(client: Client) -> str:
    answer = client.get("/privacy/")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "public, max-age=300"
    assert not answer.cookies
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.content.decode()))


def test_its_numbers_are_those_of_the_code(client: Client, settings: LazySettings) -> None:
    settings.ADS_FULL_VIEWS, settings.ADS_DECISION_DAYS = 4, 9
    text = page(client)
    assert f"for {tokens.GATE_LIFETIME_SECONDS // 60} minutes before a download" in text
    assert f"{tokens.SLOT_LIFETIME_SECONDS // 60} beside music" in text
    assert f"deleted after {counting.EVENT_DAYS} days" in text
    assert f"counts are deleted after {prefixes.COUNT_DAYS} days" in text
    assert "in full only 4 times" in text
    assert "kept for 9 days" in text
    assert f"do not sign in {signing.TIME_TO_SIGN.days} days" in text


def test_it_says_what_is_switched_off(client: Client, settings: LazySettings) -> None:
    settings.ADS_DECISION_DAYS, settings.MEGAKEY_REPLACES = 0, False
    text = page(client)
    assert "How an ad was chosen is not kept." in text
    assert "It replaces no ads on other sites." in text


def test_every_field_of_a_view_is_one_the_page_tells_of() -> None:
    """Whoever keeps more of a view writes it on the page first, and then here."""
    assert {field.name for field in Impression._meta.concrete_fields} == {
        *("id", "number", "campaign", "ad", "place", "mode", "artist", "album", "wallet", "prefix_hash"),
        *(
            "price_micros",
            "offered_micros",
            "weight_permille",
            "lease_id",
            "posting_n",
            "beneficiary",
            "shares",
            "policy_version",
        ),
        *("state", "reason", "viewed_at", "clicked_at", "rejected_at", "day"),
    }


def test_it_says_what_a_statement_tells_of_one_sale(client: Client) -> None:
    """Whoever shows payees more of a sale writes it on the page first, and then here."""
    of_a_sale = {"date", "what", "album", "isrc", "country", "quantity", "price", "tax"}
    of_their_part = {"kind", "rule", "share", "my_split", "amount", "unit", "state", "posting", "source"}
    assert {column.name for column in STATEMENT} == of_a_sale | of_their_part
    assert "when, what, the price, the tax and the country that the payment named, and not who you are" in page(client)


def test_no_page_takes_a_script_or_a_picture_from_elsewhere() -> None:
    rules = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert rules["script-src"] == ["'self'"]
    for template in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"<(script|img|iframe)[^>]+(src|href)=[\"']?(https?:)?//", template.read_text()), template


def test_every_page_leads_there(client: Client) -> None:
    assert 'href="/privacy/"' in client.get("/").content.decode()
