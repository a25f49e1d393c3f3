"""Orders to reject many views: looked at first, done in steps, killed anywhere, by two workers, and the books agree."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ads import audit
from ads.models import Campaign, Impression, Invalidation, Place
from ads.revenue import invalidations, rejections, settlement
from ads.revenue.invalidations import BadOrder, Criteria
from ads.rewards import attribution
from ads.traffic.fraud import Reason
from ledger import audit as ledger_audit
from ledger import chart
from ledger.models import Balance, Posting
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    USD,
    balance,
    download,
    make_ad,
    make_advertiser,
    make_campaign,
    make_impression,
    make_wallet,
    pending,
    see,
    usd,
    watch,
)
from tests.artists.factories import make_album
from tests.users.factories import ada

pytestmark = pytest.mark.django_db
ALL = Criteria(DAY, DAY)


def books_are_clean() -> None:
    assert list(audit.findings()) == []
    assert list(ledger_audit.findings()) == []


def order(wanted: Criteria = ALL) -> Invalidation:
    found = invalidations.preview(wanted)
    return invalidations.order(
        wanted, through=found.through, total=found.count, reason=Reason.BOT, note="a farm", by=ada(), at=NEXT_DAY
    )


def a_day_of_everything() -> tuple[Any, list[Any]]:
    """Two campaigns; views beside music, at the gate and in the extension; downloads paid by some of the credits."""
    advertiser = make_advertiser(prepaid=usd("100"))
    ads = [make_ad(make_campaign(advertiser=advertiser, cpm_micros=cpm * 1_000)) for cpm in (6_007, 11_003)]
    albums = [make_album("One"), make_album("Two")]
    wallets = [make_wallet("a"), make_wallet("b")]
    minute = iter(range(1_000))
    for ad in ads:
        for album in albums:
            for _ in range(3):
                see(
                    ad,
                    album,
                    at=NOON + timedelta(minutes=next(minute)),
                    shares=[[41, 3_333], [42, 3_333], [43, 3_334]],
                )
        for wallet in wallets:
            for _ in range(3):
                watch(ad, wallet, at=NOON + timedelta(minutes=next(minute)))
                at = NOON + timedelta(minutes=next(minute))
                see(ad, at=at, place=Place.MEGAKEY, wallet_id=wallet.pk, shares=[])
    settlement.settle_due(NOON + timedelta(hours=6))
    for wallet, album in zip(wallets, albums, strict=True):
        download(wallet, album, credits_micros=20_000, at=NOON + timedelta(hours=7))
    for album in albums:
        see(ads[0], album, at=NOON + timedelta(hours=8))  # not settled yet
    watch(ads[1], wallets[0], at=NOON + timedelta(hours=8))
    return advertiser, albums


def everything_is_back(advertiser: Any, albums: list[Any]) -> None:
    assert advertiser.prepaid_micros() == usd("100")
    assert [pending(album) for album in albums] == [0, 0]
    codes = [chart.payee(number, "pending", USD) for number in (41, 42, 43)]
    codes += [chart.ads_revenue(USD), chart.listener_rewards(USD), chart.backing(USD), chart.commission(USD)]
    codes += [chart.payee_ad_share(USD), chart.unsettled(USD)]
    assert {code: balance(code) for code in codes} == dict.fromkeys(codes, 0)
    assert {campaign.spent_micros for campaign in Campaign.objects.all()} == {0}
    books_are_clean()


@pytest.mark.parametrize("at_once", [1, 4, 200])
def test_a_whole_day_is_taken_back_to_the_micro_in_batches_of_any_size(at_once: int) -> None:
    advertiser, albums = a_day_of_everything()
    views = list(Impression.objects.order_by("pk").values_list("pk", flat=True))
    batches = [views[start : start + at_once] for start in range(0, len(views), at_once)]
    assert [rejections.reject_batch(some, at=NEXT_DAY) for some in batches] == [len(some) for some in batches]
    everything_is_back(advertiser, albums)
    assert rejections.reject_batch(views, at=NEXT_DAY) == 0


def test_half_of_a_day_taken_back_at_once_leaves_the_books_as_one_by_one() -> None:
    a_day_of_everything()
    ids = list(Impression.objects.order_by("pk").values_list("pk", flat=True))[::2]
    with transaction.atomic():
        for pk in ids:
            rejections.reject_batch([pk], at=NEXT_DAY)
        one_by_one = dict(Balance.objects.values_list("account__code", "amount"))
        transaction.set_rollback(True)
    assert rejections.reject_batch(ids, at=NEXT_DAY) == len(ids)
    assert dict(Balance.objects.values_list("account__code", "amount")) == one_by_one
    books_are_clean()


def test_each_wallet_is_replayed_once_however_many_views(monkeypatch: pytest.MonkeyPatch) -> None:
    ad, wallet = make_ad(make_campaign(frequency_cap=100)), make_wallet()
    views = [watch(ad, wallet, at=NOON + timedelta(minutes=number)).pk for number in range(12)]
    replayed: list[int] = []
    lots = attribution.lots

    def counted(wallet_id: int) -> Any:
        replayed.append(wallet_id)
        return lots(wallet_id)

    monkeypatch.setattr(attribution, "lots", counted)
    assert rejections.reject_batch(views, at=NEXT_DAY) == 12
    assert replayed == [wallet.pk]
    assert wallet.balance_micros() == 0
    books_are_clean()


# --- what the staff see before


def test_a_preview_counts_and_sums_what_would_happen_and_changes_nothing() -> None:
    ad, albums, wallet = make_ad(), [make_album(), make_album()], make_wallet()
    for number, album in enumerate(albums):
        see(ad, album, at=NOON + timedelta(hours=number))
    watch(ad, wallet)
    bot = see(ad, albums[0], at=NOON + timedelta(hours=2))
    rejections.reject_batch([bot.pk], at=NEXT_DAY, reason=Reason.BOT)
    make_impression(ad, album=albums[0], price_micros=1_000, offered_micros=6_000, prefix_hash="a" * 64)
    found = invalidations.preview(ALL)
    assert (found.count, found.micros) == (4, 19_000)
    assert [(kind.reason, kind.count, kind.charged, kind.withheld) for kind in found.kinds] == [
        ("", 4, 19_000, 5_000),
        ("bot", 1, 6_000, 0),
    ]
    assert (found.campaigns, found.artists, found.wallets, found.final_days) == (1, 2, 1, 0)
    most = {name: [(part.label, part.count, part.micros) for part in parts] for name, parts in found.most.items()}
    assert most == {
        "campaign": [(ad.campaign.name, 4, 19_000)],
        "artist": [(album.artist.name, n, sum_) for album, n, sum_ in zip(albums, (2, 1), (7_000, 6_000), strict=True)],
        "network": [("a" * 64, 1, 1_000)],
        "hour": [("12:00", 3, 13_000), ("13:00", 1, 6_000)],
    }
    rejected = invalidations.preview(Criteria(DAY, DAY, rejected="bot"))
    assert (rejected.count, [kind.reason for kind in rejected.kinds]) == (0, ["bot"])
    assert [part.count for part in rejected.most["hour"]] == [1], "what was rejected is looked at too"
    assert Impression.objects.viewed().count() == 4


def test_views_are_found_by_day_hour_campaign_artist_place_and_network() -> None:
    ad, album = make_ad(), make_album()
    one = see(ad, album)
    other = see(make_ad(), make_album(), at=NOON + timedelta(hours=1))
    make_impression(ad, album=album, viewed_at=NEXT_DAY, prefix_hash="b" * 64)
    gate = watch(ad, make_wallet(), at=NOON + timedelta(hours=2))

    def found(**terms: Any) -> int:
        return invalidations.preview(Criteria(**{"first": DAY, "last": DAY, **terms})).count

    assert found() == 3
    assert found(last=NEXT_DAY.date()) == 4
    assert found(hour=12) == 1
    assert found(hour=12, last=NEXT_DAY.date()) == 2
    assert found(campaign=other.campaign_id) == 1
    assert found(artist=one.artist_id) == 1
    assert found(place="gate") == Impression.objects.filter(pk=gate.pk).count() == 1
    assert found(network="b" * 64) == 0
    assert found(network="b" * 64, last=NEXT_DAY.date()) == 1


def test_criteria_survive_being_written_down() -> None:
    wanted = Criteria(DAY, NEXT_DAY.date(), 12, 3, 4, "page", "c" * 64, "bot")
    assert Criteria.from_json(wanted.to_json()) == wanted


# --- the order


def test_an_order_rejects_what_was_looked_at_and_not_what_came_later() -> None:
    ad, album = make_ad(), make_album()
    for number in range(3):
        see(ad, album, at=NOON + timedelta(minutes=number))
    made = order()
    late = see(ad, album, at=NOON + timedelta(hours=1))
    assert invalidations.work(made.pk, NEXT_DAY) == 3
    made.refresh_from_db()
    assert (made.state, made.done, made.total, made.ended_at, made.claimed_by) == ("DONE", 3, 3, NEXT_DAY, "")
    assert Impression.objects.viewed().get().pk == late.pk
    assert set(Impression.objects.filter(state="REJECTED").values_list("reason", flat=True)) == {"bot"}
    books_are_clean()


def test_the_entries_say_who_ordered_it() -> None:
    view = see(make_ad())
    settlement.settle_due(NEXT_DAY)
    invalidations.work(order().pk, NEXT_DAY)
    assert Posting.objects.filter(entry__key=rejections.entry_key(view)).first().facts["by"] == ada().pk  # type: ignore[union-attr]


def test_what_is_not_as_it_was_looked_at_is_looked_at_again() -> None:
    ad = make_ad()
    views = [see(ad, at=NOON + timedelta(minutes=number)) for number in range(2)]
    found = invalidations.preview(ALL)
    rejections.reject_batch([views[0].pk], at=NEXT_DAY)
    said: dict[str, Any] = {"through": found.through, "reason": Reason.BOT, "note": "", "by": ada(), "at": NEXT_DAY}
    with pytest.raises(BadOrder, match="You looked at 2 views, and 1 are left"):
        invalidations.order(ALL, total=2, **said)
    with pytest.raises(BadOrder, match="No view that counts"):
        invalidations.order(Criteria(DAY - timedelta(days=9), DAY - timedelta(days=9)), total=1, **said)
    invalidations.order(ALL, total=1, **said)
    with pytest.raises(BadOrder, match="already"):
        invalidations.order(ALL, total=1, **said)


def test_a_stopped_order_keeps_what_it_did_and_does_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "VIEWS_AT_ONCE", 2)
    monkeypatch.setattr(invalidations, "STEPS_AT_ONCE", 1)
    ad = make_ad()
    for number in range(5):
        see(ad, at=NOON + timedelta(minutes=number))
    made = order()
    assert invalidations.work(made.pk, NEXT_DAY) == 2
    assert invalidations.waiting_ids(NEXT_DAY) == [made.pk]
    invalidations.stop(made.pk, NEXT_DAY)
    assert invalidations.work(made.pk, NEXT_DAY) == 0
    assert invalidations.waiting_ids(NEXT_DAY) == []
    with pytest.raises(BadOrder, match="ended"):
        invalidations.stop(made.pk, NEXT_DAY)
    made.refresh_from_db()
    assert (made.state, made.done) == ("STOPPED", 2)
    books_are_clean()


def test_a_step_whose_order_was_stopped_meanwhile_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    see(make_ad())
    made = order()
    reject = rejections.reject_batch

    def stopped_meanwhile(*args: Any, **terms: Any) -> int:
        invalidations.stop(made.pk, NEXT_DAY)
        return reject(*args, **terms)

    monkeypatch.setattr(rejections, "reject_batch", stopped_meanwhile)
    assert invalidations.work(made.pk, NEXT_DAY) == 0
    assert Impression.objects.viewed().count() == 1


def test_the_book_of_a_final_day_stays_and_is_adjusted_now() -> None:
    view, later = see(make_ad()), NOON + timedelta(days=9)
    settlement.close_due(NEXT_DAY + timedelta(hours=1))
    settlement.close_due(later)
    assert invalidations.preview(ALL).final_days == 1
    invalidations.work(order().pk, later)
    entry = Posting.objects.filter(entry__key=rejections.entry_key(view)).select_related("entry").first()
    assert entry is not None
    assert entry.entry.occurred_at == later
    books_are_clean()


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_a_settlement_at_once_reject_each_view_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "VIEWS_AT_ONCE", 3)
    advertiser, albums = a_day_of_everything()
    made = order()
    start = threading.Barrier(3)

    def at_once(number: int) -> int:
        start.wait(timeout=10)
        try:
            if number:
                return invalidations.work(made.pk, NEXT_DAY)
            settlement.settle_due(NEXT_DAY)
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(at_once, range(3)))
    made.refresh_from_db()
    assert (sum(done), made.done, made.state) == (made.total, made.total, "DONE")
    everything_is_back(advertiser, albums)


def test_a_preview_costs_the_same_few_queries_however_much_was_seen(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ad = make_ad()
    for number in range(3):
        see(ad, at=NOON + timedelta(minutes=number))
    with django_assert_num_queries(7):
        invalidations.preview(ALL)


# --- what keeps failing


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """What the next steps fail with; nothing left, and they work."""
    faults: list[Exception] = []
    reject = rejections.reject_batch

    def reject_or_fail(*args: Any, **terms: Any) -> int:
        if faults:
            raise faults.pop(0)
        return reject(*args, **terms)

    monkeypatch.setattr(rejections, "reject_batch", reject_or_fail)
    return faults


def test_an_order_that_fails_is_tried_again_ever_later_and_works_in_the_end(broken: list[Exception]) -> None:
    see(make_ad())
    made, at = order(), NEXT_DAY
    broken += [ValueError("A view is odd.")] * 3
    for minutes in (1, 2, 4):
        assert invalidations.work(made.pk, at) == 0
        assert invalidations.waiting_ids(at + timedelta(minutes=minutes, seconds=-1)) == []
        assert invalidations.work(made.pk, at + timedelta(minutes=minutes, seconds=-1)) == 0, "and nobody tries before"
        at += timedelta(minutes=minutes)
        assert invalidations.waiting_ids(at) == [made.pk]
    assert invalidations.work(made.pk, at) == 1
    made.refresh_from_db()
    assert (made.state, made.tries, made.problem, made.next_try_at) == ("DONE", 0, "", None)
    books_are_clean()


def test_after_the_last_try_it_is_given_up_with_an_alarm_and_a_button(broken: list[Exception], client: Client) -> None:
    see(make_ad())
    made, at = order(), NEXT_DAY
    broken += [ValueError("A view is odd.\0")] * 20
    for _ in range(20):
        invalidations.work(made.pk, at)
        at += timedelta(hours=1)
    made.refresh_from_db()
    assert (made.state, made.tries, made.problem) == ("FAILED", 8, "ValueError: A view is odd.")
    assert len(broken) == 12, "never again by itself"
    assert [finding.rule for finding in audit.findings()] == ["order given up"]
    client.force_login(ada())
    for page in ("/desk/traffic/", f"/desk/traffic/{made.pk}/"):
        shown = client.get(page).content.decode()
        assert "ValueError: A view is odd." in shown
        assert f"/desk/traffic/{made.pk}/retry/" in shown
    assert "orders to reject views that were given up" in client.get("/desk/").content.decode()
    broken.clear()
    assert "It is tried again now" in client.post(f"/desk/traffic/{made.pk}/retry/", follow=True).content.decode()
    assert "was not given up" in client.post(f"/desk/traffic/{made.pk}/retry/", follow=True).content.decode()
    assert invalidations.work(made.pk, at) == 1
    assert list(audit.findings()) == []
    books_are_clean()


def test_an_order_that_kills_whoever_works_on_it_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*args: Any, **terms: Any) -> int:
        raise Killed

    see(make_ad())
    made, at = order(), NEXT_DAY
    monkeypatch.setattr(rejections, "reject_batch", die)
    for _ in range(invalidations.MOST_TRIES):
        with pytest.raises(Killed):
            invalidations.work(made.pk, at)
        at += timedelta(hours=2)
    assert invalidations.work(made.pk, at) == 0
    made.refresh_from_db()
    assert (made.state, made.problem) == ("FAILED", "Whoever worked on it was killed, each time.")


def test_steps_that_work_begin_the_count_anew(broken: list[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "VIEWS_AT_ONCE", 1)
    monkeypatch.setattr(invalidations, "STEPS_AT_ONCE", 1)
    monkeypatch.setattr(invalidations, "MOST_TRIES", 2)
    ad = make_ad()
    for number in range(4):
        see(ad, at=NOON + timedelta(minutes=number))
    made, at = order(), NEXT_DAY
    for number in range(8):
        if number % 2 == 0:
            broken.append(ValueError("Now and then."))
        invalidations.work(made.pk, at)
        at += timedelta(hours=1)
    made.refresh_from_db()
    assert (made.state, made.done) == ("OPEN", 4), "it fails once before each step, and never twice"
    assert invalidations.work(made.pk, at) == 0
    made.refresh_from_db()
    assert made.state == "DONE"


def test_an_order_is_not_tried_again_beside_the_same_one() -> None:
    see(make_ad())
    made = order()
    Invalidation.objects.filter(pk=made.pk).update(state="FAILED", problem="Odd.", ended_at=NEXT_DAY)
    order()
    with pytest.raises(BadOrder, match="by another order"):
        invalidations.retry(made.pk, NEXT_DAY)
