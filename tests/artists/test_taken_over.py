"""Sheets from before signing were in force: the migration says so, and names the people in them."""

import importlib
from datetime import timedelta

import pytest
from django.apps import apps

from artists import audit, splits
from artists.models import SplitSheet
from tests.artists.factories import NOON, make_payee, make_track
from tests.artists.signers import NINA, agree, part

pytestmark = pytest.mark.django_db


def test_a_sheet_from_before_counts_as_signed_from_the_moment_it_was_stored() -> None:
    track = make_track()
    nina, label, drums = track.album.artist.payee, make_payee("Harbour", kind="LABEL"), make_payee("Maeve")
    for thing, shares in (
        ({"album": track.album}, [[nina.pk, 6_000], [label.pk, 4_000]]),
        ({"track": track}, [[drums.pk, 10_000]]),
    ):
        # As they are once the new columns are there and before anything is in them.
        SplitSheet.objects.create(version=1, shares=shares, created_at=NOON, expires_at=NOON, **thing)
    drums.kind = "COLLABORATOR"
    drums.save()
    migration = importlib.import_module("artists.migrations.0016_split_signatures")
    migration.take_over(apps, None)
    migration.name_people(apps, None)
    album, own = SplitSheet.objects.get(album=track.album), SplitSheet.objects.get(track=track)
    assert splits.current(track) == own and splits.current(track.album) == album
    assert (album.state, album.in_force_at, album.is_taken_over) == ("SIGNED", NOON, True)
    assert [(line.name, line.role, line.payee, line.email) for line in album.lines.all()] == [
        ("Nova Kit", "ARTIST", nina, ""),
        ("Harbour", "LABEL", label, ""),
    ]
    assert own.lines.get().role == "OTHER"
    assert list(audit.of_splits()) == []
    following = agree(track.album, [part(NINA, 10_000)], at=NOON + timedelta(days=1))
    assert following.version == 2 and splits.current(track.album) == following
