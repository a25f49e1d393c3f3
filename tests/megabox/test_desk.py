"""The front page of the desk: what waits stands out, what does not is named once and does not shout."""

import pytest
from django.test import Client

from artists.models import Rendition
from tests.artists.factories import make_track
from tests.users.factories import ada

pytestmark = pytest.mark.django_db


def test_only_what_waits_has_a_number_and_everything_is_named_once(client: Client) -> None:
    client.force_login(ada())
    quiet = client.get("/desk/").content.decode()
    assert "Nothing waits." in quiet
    assert quiet.count("iles that could not be made") == 1
    assert "card--link" not in quiet

    make_track()
    Rendition.objects.update(state=Rendition.State.FAILED, reason="It broke.")
    page = client.get("/desk/").content.decode()
    assert page.count("card--link") == page.count("files that could not be made") == 1
    assert "Nothing waits." not in page
