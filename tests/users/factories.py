"""The cast: nina (artist), leo (listener), acme (advertiser), ada and max (staff), charlie (outsider)."""

from typing import Any

from allauth.account.models import EmailAddress

from users.models import User

PASSWORD = "megabox-demo"


def make_user(email: str = "leo@demo.megabox.test", *, is_confirmed: bool = True, **fields: Any) -> User:
    """A person, made once per address; the password is PASSWORD."""
    user = User.objects.filter(email=email).first()
    if user is None:
        fields.setdefault("name", email.split("@")[0].title())
        user = User.objects.create_user(email, PASSWORD, **fields)
        EmailAddress.objects.create(user=user, email=email, verified=is_confirmed, primary=True)
    return user


def leo() -> User:
    return make_user("leo@demo.megabox.test")


def nina() -> User:
    return make_user("nina@demo.megabox.test", is_artist=True)


def acme() -> User:
    return make_user("acme@demo.megabox.test", is_advertiser=True)


def ada() -> User:
    return make_user("ada@demo.megabox.test", is_staff=True)


def max_() -> User:
    return make_user("max@demo.megabox.test", is_staff=True)


def charlie() -> User:
    return make_user("charlie@demo.megabox.test")
