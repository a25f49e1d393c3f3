"""Artists as people make and change them. An artist has a page, a payee of the same name, and an owner."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction

from artists import artwork, search, slugs
from artists.models import Artist, Payee
from artists.models.catalogue import HUES
from users.models import User


@dataclass(frozen=True)
class Details:
    """What an artist says about themselves."""

    name: str
    bio: str = ""
    location: str = ""


def start(user: User, details: Details, *, at: datetime) -> Artist:
    """Make a listener an artist, with their first artist."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_artist=True)
        user.is_artist = True
        return create(user, details, at=at)


def create(owner: User, details: Details, *, at: datetime) -> Artist:
    """A new artist of `owner`'s, and the payee who gets their money."""
    with transaction.atomic():
        payee = Payee.objects.create(
            kind=Payee.Kind.ARTIST, name=details.name, user=owner, country=owner.country, created_at=at
        )
        artist = Artist(
            owner=owner,
            payee=payee,
            name=details.name,
            bio=details.bio,
            location=details.location,
            hue=hue_of(details.name),
            created_at=at,
        )
        slugs.save(artist, at=at)
    return artist


def edit(artist: Artist, details: Details, *, at: datetime) -> None:
    """Store what the artist says now; a new name gives a new address, and the old one goes on working."""
    with transaction.atomic():
        artist.refresh_from_db(from_queryset=Artist.objects.select_for_update())
        artist.name, artist.bio, artist.location = details.name, details.bio, details.location
        slugs.save(artist, at=at)
        search.write_artist(artist, at=at)


def set_picture(artist: Artist, data: bytes, *, at: datetime) -> None:
    """Store a picture of the artist. Raises covers.BadPicture."""
    cover = artwork.store(data, alt=f"{artist.name}", at=at)
    with transaction.atomic():
        # Read again under the lock: they may have been renamed while the picture was made.
        artist.refresh_from_db(from_queryset=Artist.objects.select_for_update())
        artist.cover, artist.hue = cover, cover.hue
        artist.save(update_fields=["cover", "hue"])
        search.write_artist(artist, at=at)


def hue_of(text: str) -> int:
    """A colour for what has no picture yet, always the same for the same words."""
    return sha256(text.encode()).digest()[0] % HUES
