"""Signing up and in: by e-mail, with roles, and without telling strangers who has an account."""

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.users.factories import PASSWORD, leo, make_user
from users.models import Mail, User

pytestmark = pytest.mark.django_db


def sign_up(client: Client, email: str = "new@example.org", **more: str) -> object:
    return client.post(
        reverse("account_signup"), {"email": email, "password1": "a-long-password-9", "name": "New", **more}
    )


def test_sign_up_makes_an_account_that_works_at_once(client: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "users.mail.OutboxBackend"
    sign_up(client, "New@Example.org", is_artist="on")
    user = User.objects.get()
    assert (user.email, user.name, user.is_artist, user.is_advertiser) == ("new@example.org", "New", True, False)
    assert client.session["_auth_user_id"] == str(user.pk)
    assert Mail.objects.get().to == "new@example.org"


def test_sign_up_with_a_taken_address_does_not_tell_that_it_is_taken(client: Client) -> None:
    leo()
    sign_up(client, "leo@demo.megabox.test")
    assert User.objects.count() == 1
    assert "_auth_user_id" not in client.session


def test_nobody_becomes_staff_by_signing_up(client: Client) -> None:
    sign_up(client, is_staff="on", is_superuser="on")
    user = User.objects.get()
    assert not user.is_staff
    assert not user.is_superuser


def test_log_in_is_by_address_in_any_case(client: Client) -> None:
    user = leo()
    client.post(reverse("account_login"), {"login": "LEO@demo.megabox.test", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(user.pk)


def test_the_same_address_in_another_case_is_refused_by_the_database() -> None:
    leo()
    with pytest.raises(IntegrityError):
        User(email="LEO@demo.megabox.test").save()


def test_after_log_in_foreign_addresses_are_not_followed(client: Client) -> None:
    leo()
    answer = client.post(
        reverse("account_login") + "?next=https://evil.example/",
        {"login": "leo@demo.megabox.test", "password": PASSWORD, "next": "https://evil.example/"},
    )
    assert answer["Location"] == "/"


def test_the_cast_can_be_made_twice() -> None:
    assert make_user("leo@demo.megabox.test") == make_user("leo@demo.megabox.test")
