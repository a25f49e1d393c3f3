"""The people of the demo, all with one password, and the day everything is counted from."""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import transaction

from users.models import User

DOMAIN = "demo.megabox.test"
PASSWORD = "megabox-demo"  # noqa: S105  the demo's log-ins are printed to everybody
OLDER_DAYS = 60
"""So many days before the first run the first of them signed up."""

CAST = {
    "ada": ("Ada Berg", "NL", {"is_staff": True}),
    "max": ("Max Stein", "DE", {"is_staff": True}),
    "nina": ("Nina Kit", "NL", {"is_artist": True}),
    "acme": ("Acme Media", "DE", {"is_advertiser": True}),
    "leo": ("Leo Marten", "DE", {}),
    "tom": ("Tom Ferrier", "IE", {"is_artist": True}),
    "ilse": ("Ilse van Dijk", "NL", {"is_artist": True}),
    "pia": ("Pia Lahti", "FI", {"is_artist": True}),
    "emma": ("Emma Novak", "CZ", {}),
    "jonas": ("Jonas Weber", "DE", {}),
    "sofia": ("Sofia Rossi", "IT", {}),
    "ben": ("Ben Carter", "GB", {}),
    "yuki": ("Yuki Tanaka", "JP", {}),
    "carla": ("Carla Mendes", "PT", {}),
    "omar": ("Omar Haddad", "FR", {}),
    "lise": ("Lise Moreau", "BE", {}),
    "maeve": ("Maeve Quinn", "IE", {}),
    "harbour": ("Harbour Records", "IE", {}),
}
LISTENERS = ("leo", "emma", "jonas", "sofia", "ben", "yuki", "carla", "omar", "lise")


def make(now: datetime) -> int:
    """Make whoever is missing; return how many are new."""
    first = anchor(now) - timedelta(days=OLDER_DAYS)
    return sum(_person(name, first + timedelta(hours=7 * number)) for number, name in enumerate(CAST))


def is_made() -> bool:
    """Whether all of them are there."""
    return User.objects.filter(email__in=[address(name) for name in CAST]).count() == len(CAST)


def anchor(now: datetime) -> datetime:
    """The moment of the first run: kept as the day Ada signed up, `now` (to the minute) before there is an Ada."""
    joined = User.objects.filter(email=address("ada")).values_list("date_joined", flat=True).first()
    return joined + timedelta(days=OLDER_DAYS) if joined else now.replace(second=0, microsecond=0)


def address(name: str) -> str:
    """The e-mail address of somebody of the cast."""
    return f"{name}@{DOMAIN}"


def of(name: str) -> User:
    """Somebody of the cast."""
    return User.objects.get(email=address(name))


def _person(name: str, joined: datetime) -> bool:
    if User.objects.filter(email=address(name)).exists():
        return False
    full, country, roles = CAST[name]
    with transaction.atomic():
        user = User.objects.create_user(
            address(name), PASSWORD, name=full, country=country, date_joined=joined, **roles
        )
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return True
