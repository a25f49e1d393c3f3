"""The pages for people: paying, being declined, going back, setting up payouts."""

import re
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from http.client import HTTPMessage
from typing import IO

import pytest

from tests.standin.server import Standin
from tests.standin.shop import make_paid_session, make_session

CARD = {"email": "leo@demo.megabox.test", "expiry": "12 / 34", "cvc": "123"}


class Answer:
    """Status, headers and text of a page."""

    def __init__(self, status: int, headers: "Message[str, str]", body: bytes) -> None:
        self.status, self.headers, self.text = status, headers, body.decode()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def fetch(url: str, **form: str) -> Answer:
    data = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.build_opener(_Stay).open(url, data) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def page_of(standin: Standin, cents: int = 999) -> str:
    url = make_session(standin, cents).url
    assert url is not None
    return url


def test_the_payment_page_says_what_it_is_and_what_it_costs(standin: Standin) -> None:
    page = fetch(page_of(standin))

    assert page.status == 200
    assert "Stand-in: no real money." in page.text
    assert "$9.99" in page.text
    assert "Night Bus" in page.text
    assert 'value="4242 4242 4242 4242"' in page.text
    assert "href='http://shop.test/cart/'>Cancel and go back</a>" in page.text


def test_no_script_and_no_style_in_the_pages(standin: Standin) -> None:
    page = fetch(page_of(standin))

    assert not re.search(r"<script|<style|style=|\son\w+=", page.text)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://shop.test" in policy
    assert fetch(f"{standin.url}/standin.css").headers["Content-Type"].startswith("text/css")


def test_paying_leads_back_to_the_shop_with_the_session(standin: Standin) -> None:
    url = page_of(standin)

    answer = fetch(url, card="4242 4242 4242 4242", **CARD)

    session = url.rsplit("/", 1)[1]
    assert (answer.status, answer.headers["Location"]) == (303, f"http://shop.test/thanks/?session={session}")
    assert standin.client().v1.checkout.sessions.retrieve(session).payment_status == "paid"


def test_a_double_click_pays_once(standin: Standin) -> None:
    url = page_of(standin)

    answers = [fetch(url, card="4242424242424242", **CARD) for _ in range(2)]

    assert [answer.status for answer in answers] == [303, 303]
    session = standin.client().v1.checkout.sessions.retrieve(url.rsplit("/", 1)[1])
    assert len(standin.client().v1.charges.list({"payment_intent": str(session.payment_intent)}).data) == 1


def test_a_declined_card_is_explained_and_another_may_be_tried(standin: Standin) -> None:
    url = page_of(standin)

    declined = fetch(url, card="4000 0000 0000 0002", name="Leo", **CARD)
    assert declined.status == 402
    assert "Your card was declined. Nothing was charged: try another card." in declined.text
    assert 'value="Leo"' in declined.text  # what was typed is still there

    assert fetch(url, card="4242 4242 4242 4242", **CARD).status == 303


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"card": "4111 1111 1111 1111"}, "no real card can be used here"),
        ({"card": "4242424242424242", "expiry": "12 / 20"}, "The expiry date is in the past."),
        ({"card": "4242424242424242", "expiry": "soon"}, "as MM / YY"),
        ({"card": "4242424242424242", "cvc": "1"}, "three or four digits"),
        ({"card": "4242424242424242", "email": "leo"}, "e-mail address the receipt goes to"),
    ],
)
def test_wrong_input_gets_a_sentence(standin: Standin, typed: dict[str, str], sentence: str) -> None:
    answer = fetch(page_of(standin), **{**CARD, **typed})

    assert answer.status == 402
    assert sentence in answer.text


def test_names_are_escaped(standin: Standin) -> None:
    answer = fetch(page_of(standin), card="1", name='"><script>alert(1)</script>', **CARD)

    assert "<script>" not in answer.text


def test_a_paid_page_says_so(standin: Standin) -> None:
    session = make_paid_session(standin)

    assert "This payment is complete." in fetch(f"{standin.url}/c/pay/{session.id}").text


def test_an_expired_page_says_so(standin: Standin) -> None:
    session = make_session(standin)
    standin.client().v1.checkout.sessions.expire(session.id)

    page = fetch(f"{standin.url}/c/pay/{session.id}")

    assert (page.status, "Nothing was charged." in page.text) == (410, True)


def onboarding_of(standin: Standin) -> tuple[str, str]:
    client = standin.client()
    account = client.v1.accounts.create({"capabilities": {"transfers": {"requested": True}}})
    link = client.v1.account_links.create(
        {
            "account": account.id,
            "type": "account_onboarding",
            "return_url": "http://shop.test/studio/earnings/",
            "refresh_url": "http://shop.test/studio/earnings/setup/",
        }
    )
    return account.id, link.url


def test_onboarding_enables_the_account_and_leads_back(standin: Standin) -> None:
    account, url = onboarding_of(standin)
    assert "Set up payouts with Megabox" in fetch(url).text

    answer = fetch(url, first_name="Nina", last_name="Example", bank="000123456789")

    assert (answer.status, answer.headers["Location"]) == (303, "http://shop.test/studio/earnings/")
    enabled = standin.client().v1.accounts.retrieve(account)
    assert (enabled.payouts_enabled, enabled.details_submitted) == (True, True)


def test_onboarding_asks_for_what_is_missing(standin: Standin) -> None:
    account, url = onboarding_of(standin)

    answer = fetch(url, first_name="Nina", last_name="Example", bank="")

    assert (answer.status, "Please enter the account to pay out to." in answer.text) == (422, True)
    assert standin.client().v1.accounts.retrieve(account).payouts_enabled is False


def test_an_onboarding_link_is_good_once(standin: Standin) -> None:
    _, url = onboarding_of(standin)
    fetch(url, first_name="Nina", last_name="Example", bank="1")

    again = fetch(url)

    assert (again.status, again.headers["Location"]) == (303, "http://shop.test/studio/earnings/setup/")
