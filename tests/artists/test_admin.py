"""Django's admin of the catalogue: what somebody looks for comes first."""

import re

import pytest
from django.test import Client

from tests.artists.factories import make_album, make_track
from tests.users.factories import ada

pytestmark = pytest.mark.django_db


def test_an_album_and_a_track_begin_with_their_titles() -> None:
    staff = ada()
    staff.is_superuser = True
    staff.save()
    client = Client()
    client.force_login(staff)
    album = make_album()
    track = make_track(album=album)

    for path in (f"album/{album.pk}", f"track/{track.pk}"):
        page = client.get(f"/admin/artists/{path}/change/").text
        fields = re.findall(r'class="form-row field-(\w+)', page)
        assert fields[0] == "title"
        assert fields.count("title") == 1
        assert {"free_mode", "free_from"} <= set(fields[3:])
        assert "peaks" not in fields
