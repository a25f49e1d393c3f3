"""Whose credits are whose: guests, people, and guests who turn out to be people."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from ads import audit
from ads.models import Wallet
from ads.rewards import wallets
from tests.ads.factories import NOON, download, make_ad, make_wallet, watch
from tests.artists.factories import make_album
from tests.users.factories import charlie, leo

pytestmark = pytest.mark.django_db


def test_a_listener_has_one_wallet() -> None:
    assert wallets.find(leo(), "g") is None
    mine = wallets.for_listener(leo(), "g")
    assert wallets.for_listener(leo(), "other") == mine == wallets.find(leo(), "")
    guest = wallets.for_listener(AnonymousUser(), "g")
    assert wallets.for_listener(None, "g") == guest == wallets.find(None, "g")
    assert guest != mine
    assert wallets.find(None, "") is None


def test_a_new_person_takes_over_the_guests_wallet() -> None:
    guest = make_wallet("g")
    watch(make_ad(), guest)
    mine = wallets.claim("g", leo(), NOON)
    assert mine == guest
    assert (mine.user, mine.guest_key) == (leo(), None)
    assert mine.balance_micros() == 6_000
    assert wallets.claim("g", leo(), NOON) == mine
    assert wallets.for_listener(None, "g") != mine, "the key of the browser opens nothing of the person's"


def test_somebody_with_a_wallet_gets_the_guests_credits() -> None:
    mine, guest = wallets.for_listener(leo(), ""), make_wallet("g")
    watch(make_ad(), mine)
    watch(make_ad(), guest)
    for _ in range(2):
        assert wallets.claim("g", leo(), NOON + timedelta(minutes=1)) == mine
    assert mine.balance_micros() == 12_000
    assert guest.balance_micros() == 0
    guest.refresh_from_db()
    assert (guest.merged_into, guest.guest_key) == (mine, None)
    assert wallets.holder(guest.pk) == mine.pk == wallets.holder(mine.pk)
    assert list(audit.findings()) == []


def test_claiming_without_a_guest_makes_a_wallet() -> None:
    assert wallets.claim("", leo(), NOON).user == leo()
    assert wallets.claim("nobody", charlie(), NOON).user == charlie()


def test_a_block_follows_the_guest() -> None:
    mine = wallets.for_listener(leo(), "")
    make_wallet("g")
    Wallet.objects.filter(guest_key="g").update(blocked_at=NOON, blocked_reason="farm")
    wallets.claim("g", leo(), NOON)
    mine.refresh_from_db()
    assert (mine.blocked_at, mine.blocked_reason) == (NOON, "farm")


def test_history_says_what_came_and_went_newest_first() -> None:
    wallet = make_wallet("g")
    watch(make_ad(), wallet)
    download(wallet, make_album("Tide"), at=NOON + timedelta(hours=1))
    spent, earned = wallets.movements(wallet, wallets.postings(wallet))
    assert (spent.kind, spent.change_xcr, spent.facts["title"]) == ("credits spent", -5_000_000, "Tide")
    assert (earned.kind, earned.change_xcr) == ("gate view", 6_000_000)


def test_the_database_knows_one_holder_for_a_wallet() -> None:
    wallet = make_wallet("g")
    for change in ({"user": leo()}, {"merged_into": wallet}, {"guest_key": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Wallet.objects.filter(pk=wallet.pk).update(**change)


def test_forgetting_a_person_leaves_the_wallet_to_the_books() -> None:
    wallet = wallets.for_listener(leo(), "")
    watch(make_ad(), wallet)
    leo().delete()
    wallet.refresh_from_db()
    assert wallet.user is None
    assert list(audit.findings()) == []


def test_a_wallet_is_proven_once_and_stays_so() -> None:
    wallets.prove(leo(), NOON)
    wallets.prove(leo(), NOON + timedelta(days=1))
    assert wallets.for_listener(leo(), "").proven_at == NOON
    wallets.prove(None, NOON, guest_key="buyer")
    assert wallets.for_listener(None, "buyer").proven_at == NOON
    wallets.prove(None, NOON)
    assert Wallet.objects.count() == 2


def test_what_a_guest_has_proven_is_proven_for_the_person_they_turn_out_to_be() -> None:
    wallets.prove(None, NOON, guest_key="buyer")
    mine = wallets.for_listener(leo(), "")
    assert wallets.claim("buyer", leo(), NOON + timedelta(days=1)).pk == mine.pk
    mine.refresh_from_db()
    assert mine.proven_at == NOON
