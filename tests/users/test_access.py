"""Who gets in: staff with a second factor, and people whose address is confirmed."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from tests.users.factories import ada, leo, make_user
from users.access import has_confirmed_email, sign_in_required

pytestmark = pytest.mark.django_db


def test_staff_without_a_second_factor_is_sent_to_set_one_up(client: Client, settings: Settings) -> None:
    settings.STAFF_MFA = "required"
    client.force_login(ada())
    answer = client.get(reverse("desk"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("mfa_index"))


def test_staff_gets_in_without_one_only_where_it_is_optional(client: Client, settings: Settings) -> None:
    settings.STAFF_MFA = "optional"
    client.force_login(ada())
    assert client.get(reverse("desk")).status_code == 200


def test_an_address_counts_once_it_is_confirmed() -> None:
    assert has_confirmed_email(leo())
    assert not has_confirmed_email(make_user("new@example.org", is_confirmed=False))


def test_a_stranger_is_sent_to_log_in_and_comes_back() -> None:
    request = RequestFactory().get("/library/?page=2")
    request.user = AnonymousUser()
    answer = sign_in_required(page)(request)
    assert answer["Location"] == "/accounts/login/?next=/library/%3Fpage%3D2"


def test_an_unconfirmed_address_is_sent_to_confirm_it(client: Client) -> None:
    client.force_login(make_user("new@example.org", is_confirmed=False))
    answer = client.get(reverse("ads:advertiser_new"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("account_email"))


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")
