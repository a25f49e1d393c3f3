"""`manage.py demo`: everything is there, the books are clean, and doing it twice or in two goes changes nothing."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from ads.demand import campaigns
from ads.models import Ad, Campaign, Impression
from ads.revenue import settlement
from artists import albums, uploads
from artists.models import Album, Artist, Rendition, Track, Upload
from ledger.models import Entry, Month, Posting
from megabox.demo import adverts, charges, people, works
from megabox.standin import call as standin_call
from payouts import runs
from payouts.models import IssuedStatement, Payout, PayoutRun
from store.access import gate
from store.models import BalanceCheck, BalanceTransaction, Download, Gate, LibraryItem, Order
from store.sales import orders
from tests.standin.server import Standin
from users.access import has_confirmed_email
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(Exception):
    """What a crash looks like to the code around it."""


def make() -> str:
    out = io.StringIO()
    call_command("demo", "--hands", "2", stdout=out)
    return out.getvalue()


def audit() -> str:
    out = io.StringIO()
    call_command("audit_books", stdout=out)
    return out.getvalue()


def counts() -> dict[str, int]:
    kinds: list[Any] = [User, Artist, Album, Track, Upload, Rendition, Campaign, Ad, Impression, Gate, Download]
    kinds += [Order, LibraryItem, Entry, Posting, PayoutRun, Payout]
    return {kind.__name__: kind.objects.count() for kind in kinds}


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, time: int) -> Iterator[None]:
    """The `time`-th call of a function ends everything, right after it was done."""
    real, calls = getattr(module, name), []

    def deadly(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        calls.append(name)
        if len(calls) == time:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(module, name, deadly)
        with pytest.raises(Killed):
            yield


def see_that_stripe_agrees() -> None:
    """Every movement at the stand-in has its entries, to the cent."""
    assert BalanceTransaction.objects.exists()
    assert not BalanceTransaction.objects.exclude(state=BalanceTransaction.State.MATCHED).exists()
    [check] = BalanceCheck.objects.all()
    assert (check.difference_micros, check.in_flight_micros, check.suspense_micros) == (0, 0, 0)


def test_everything_is_there_once(small_demo: Standin) -> None:
    assert "The demo is ready" in make()

    see_the_catalogue()
    see_the_advertiser()
    see_the_history()
    see_the_charges(small_demo)
    see_a_closed_month()
    see_that_stripe_agrees()
    assert "clean" in audit()

    before = counts()
    album = Album.objects.get(title="Dike and Sky")
    albums.withdraw(album, people.anchor(album.created_at))
    assert make() == "The demo is there already; nothing to do.\n"
    assert counts() == before
    album.refresh_from_db()
    assert album.state == Album.State.WITHDRAWN, "what an artist changed since is left alone"


def see_a_closed_month() -> None:
    nova_kit, month = Artist.objects.get(name="Nova Kit").payee, Month.objects.latest("month")
    assert IssuedStatement.objects.filter(payee=nova_kit, month=month.month).exists()


def see_the_catalogue() -> None:
    assert Album.objects.published().count() == Track.objects.published().count() == len(works.WORKS) - 1 == 5
    coming = Album.objects.announced().get()
    assert coming.may_be_ordered
    assert coming.tracks.get().is_heard_before
    assert Upload.objects.count() == 6
    assert not Rendition.objects.exclude(state=Rendition.State.READY).exists()
    assert Album.objects.filter(cover__isnull=False).count() == 6
    assert Artist.objects.filter(cover__isnull=False).count() == 4
    assert {album.free_mode for album in Album.objects.all()} == {"AD", "LATER", "FREE"}
    assert Album.objects.filter(is_name_your_price=True, price_micros__gt=0).exists()
    assert {track.isrc[:7] for track in Track.objects.all()} == {"XXMBX26"}
    for name in ("leo", "nina", "acme", "ada", "max"):
        assert people.of(name).check_password("megabox-demo")
        assert has_confirmed_email(people.of(name))


def see_the_advertiser() -> None:
    assert {ad.kind for ad in Ad.objects.showable()} == {"IMAGE", "AUDIO", "TEXT"}
    assert all(ad.transcript for ad in Ad.objects.filter(kind="AUDIO"))
    assert all(ad.alt for ad in Ad.objects.filter(kind="IMAGE"))
    assert Ad.objects.filter(review="PENDING").exists()
    assert Campaign.objects.live().paid().count() == 3
    assert {one.kind for one in Campaign.objects.live()} == {"PAID", "HOUSE", "CROSS"}
    assert Ad.objects.filter(review="PENDING", campaign__kind="CROSS").exists()
    assert adverts.advertiser().prepaid_micros() > 0


def see_the_history() -> None:
    assert LibraryItem.objects.filter(user=people.of("leo")).exists()
    assert Impression.objects.viewed().filter(place="gate").exists()
    assert Impression.objects.viewed().filter(place="page").exists()
    assert Order.objects.filter(state=Order.State.PAID, kind=Order.Kind.SALE).exists()
    assert Order.objects.filter(state=Order.State.REFUNDED).exists()
    assert Order.objects.filter(state=Order.State.PAID, kind=Order.Kind.PREORDER).exists()
    assert PayoutRun.objects.get().state == PayoutRun.State.COMPLETED
    assert Payout.objects.filter(state=Payout.State.PAID).exists()


def see_the_charges(standin: Standin) -> None:
    """The stand-in knows every charge, on its day."""
    listed = standin.client().v1.charges.list({"limit": 100})
    charged = {str(charge.payment_intent): charge for charge in listed.auto_paging_iter()}
    paid = Order.objects.exclude(payment_intent="").exclude(state=Order.State.PENDING)
    assert paid.count() == len(charged)
    for order in paid:
        charge = charged[order.payment_intent]
        assert charge.amount * 10_000 == order.total_micros
        assert charge.created == int(order.placed_at.timestamp())
        assert order.fee_micros is not None


def test_killed_again_and_again_it_goes_on_where_it_was(small_demo: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    crashes: list[tuple[Any, str, int]] = [
        (uploads, "receive", 2),
        (albums, "publish", 2),
        (orders, "fulfil", 1),
        (campaigns, "approve", 2),
        (settlement, "settle_due", 3),
        (gate, "start", 1),
        (gate, "viewed", 1),
        (orders, "fulfil", 2),
        (runs, "approve", 1),
    ]
    for module, name, time in crashes:
        with killed_at(monkeypatch, module, name, time):
            make()
    make()

    see_the_catalogue()
    see_the_advertiser()
    see_the_history()
    see_the_charges(small_demo)
    assert "clean" in audit()
    assert make() == "The demo is there already; nothing to do.\n"


def test_it_is_made_only_where_no_real_money_is(settings: LazySettings) -> None:
    settings.IS_STANDIN = False
    with pytest.raises(CommandError, match="DEBUG=1"):
        make()
    assert User.objects.count() == 0


def test_the_word_that_dates_back_is_the_stand_ins_own() -> None:
    assert charges.BACKDATE == standin_call.BACKDATE
