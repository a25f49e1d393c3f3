"""Setting up payouts at Stripe, through the stand-in's own page."""

import urllib.parse
import urllib.request

import pytest
from django.test import Client

from artists.models import Payee
from payouts import transfers
from tests.payouts.factories import make_payee, owner_of
from tests.standin.server import Standin
from tests.standin.test_pages import fetch
from tests.users.factories import charlie, make_user, nina

pytestmark = pytest.mark.django_db


@pytest.fixture
def payee() -> Payee:
    """Nina, before she told Stripe anything."""
    payee = make_payee(stripe_account="", is_payouts_enabled=False)
    owner_of(payee)
    return payee


def test_the_button_leads_to_stripe_and_back_and_enables_payouts(
    client: Client, standin: Standin, payee: Payee
) -> None:
    client.force_login(nina())

    to_stripe = client.post("/studio/earnings/set-up/", {"payee": payee.pk})
    assert to_stripe.status_code == 303
    back = fetch(to_stripe["Location"], first_name="Nina", last_name="Example", bank="000123456789")
    assert back.status == 303
    done = client.get(urllib.parse.urlsplit(str(back.headers["Location"])).path, follow=True)

    payee.refresh_from_db()
    assert payee.is_payouts_enabled is True
    assert "Payouts are set up." in done.text


def test_coming_back_too_early_enables_nothing(client: Client, standin: Standin, payee: Payee) -> None:
    client.force_login(nina())
    client.post("/studio/earnings/set-up/", {"payee": payee.pk})

    done = client.get(f"/studio/earnings/set-up/{payee.pk}/done/", follow=True)

    payee.refresh_from_db()
    assert payee.is_payouts_enabled is False
    assert "Stripe needs more from you" in done.text


def test_a_double_click_makes_one_account(client: Client, standin: Standin, payee: Payee) -> None:
    before = len(standin.requests("/v1/accounts"))
    stale = Payee.objects.get(pk=payee.pk)

    for one in (payee, stale):
        transfers.onboarding_url(one, return_url="http://testserver/a/", refresh_url="http://testserver/b/")

    assert len(standin.requests("/v1/accounts")) == before + 2
    assert payee.stripe_account == stale.stripe_account != ""


def test_with_stripe_out_of_reach_nothing_is_lost(client: Client, standin: Standin, payee: Payee) -> None:
    standin.fail("/v1/accounts", "error_500")
    client.force_login(nina())

    answer = client.post("/studio/earnings/set-up/", {"payee": payee.pk}, follow=True)

    assert "try again in a minute" in answer.text


def test_an_unconfirmed_account_cannot_set_up_payouts(client: Client, standin: Standin, payee: Payee) -> None:
    payee.user = make_user("new@demo.megabox.test", is_confirmed=False, is_artist=True)
    payee.save()
    client.force_login(payee.user)

    answer = client.post("/studio/earnings/set-up/", {"payee": payee.pk})

    assert answer.status_code == 302
    assert standin.requests("/v1/account_links") == [] or answer["Location"] == "/accounts/email/"
    payee.refresh_from_db()
    assert payee.stripe_account == ""


def test_nobody_sets_up_payouts_of_others(client: Client, payee: Payee) -> None:
    other = charlie()
    other.is_artist = True
    other.save()
    client.force_login(other)

    assert client.post("/studio/earnings/set-up/", {"payee": payee.pk}).status_code == 404
    assert client.get(f"/studio/earnings/set-up/{payee.pk}/done/").status_code == 404
    assert client.get(f"/studio/earnings/set-up/{payee.pk}/again/").status_code == 404
