"""From views to postings: each once, to the micro, however often and by however many it is tried."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection

from ads import audit, tasks
from ads import queue as ads_queue
from ads.models import BookDay, Campaign, CampaignDay, Impression, ImpressionGroup, Place
from ads.revenue import due, rejections, settlement
from ads.revenue.settlement import DayStillOpen
from ledger import batch as books
from ledger import chart, journal, months
from ledger.journal import Line
from ledger.models import Entry
from tests.ads.factories import (
    DAY,
    NEXT_DAY,
    NOON,
    USD,
    balance,
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
from tests.artists.factories import make_album, make_artist

pytestmark = pytest.mark.django_db


def test_settling_a_day_twice_posts_nothing_new() -> None:
    make_impression(price_micros=5_000)
    assert settlement.settle_due(NEXT_DAY) == 1
    assert settlement.settle_due(NEXT_DAY) == 0
    assert Entry.objects.filter(kind="ads settled").count() == 1


def test_ads_beside_music_pay_the_payees_ninety_percent_by_the_frozen_shares() -> None:
    advertiser = make_advertiser(prepaid=usd("100"))
    campaign = make_campaign(advertiser=advertiser, budget_micros=usd("100"), cpm_micros=usd("500"))
    ad, album = make_ad(campaign), make_album()
    for minute in range(40):
        see(ad, album, at=NOON + timedelta(minutes=minute), shares=[[42, 6_000], [43, 4_000]])
    assert settlement.settle_due(NEXT_DAY) == 1
    assert balance(chart.prepaid(advertiser.pk, USD)) == usd("80")
    assert balance(chart.ads_revenue(USD)) == usd("20")
    assert balance(chart.payee_ad_share(USD)) == usd("18")
    assert balance(chart.payee(42, "pending", USD)) == usd("10.80")
    assert balance(chart.payee(43, "pending", USD)) == usd("7.20")
    entry = Entry.objects.get(kind="ads settled")
    group = ImpressionGroup.objects.get()
    assert entry.key == f"ads:{campaign.pk}:{group.beneficiary}:{DAY}:1"
    assert {posting.source for posting in entry.postings.all()} == {f"ads.group:{group.pk}"}
    paid = entry.postings.filter(matures_on__isnull=False)
    assert {posting.matures_on for posting in paid} == {DAY + timedelta(days=7)}
    assert paid[0].facts["quantity"] == 40
    assert list(audit.findings()) == []


def test_a_gate_view_is_charged_to_its_advertiser_at_settlement() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    watch(make_ad(make_campaign(advertiser=advertiser)), make_wallet())
    assert balance(chart.unsettled(USD)) == 6_000
    settlement.settle_due(NEXT_DAY)
    assert balance(chart.unsettled(USD)) == 0
    assert advertiser.prepaid_micros() == usd("9.994")


def test_the_extension_pays_the_wallets_at_settlement() -> None:
    """The Megakey lines of golden scenario A: 1.50 and 4.50."""
    advertiser = make_advertiser(prepaid=usd("10"))
    ad = make_ad(make_campaign(advertiser=advertiser, cpm_micros=usd("750")))
    one, two = make_wallet(), make_wallet()
    for minute, wallet in enumerate([one] * 2 + [two] * 6):
        see(ad, at=NOON + timedelta(minutes=minute), place=Place.MEGAKEY, wallet_id=wallet.pk)
    assert one.balance_micros() == 0
    assert settlement.settle_due(NEXT_DAY) == 1
    assert (one.balance_micros(), two.balance_micros()) == (usd("1.50"), usd("4.50"))
    assert balance(chart.backing(USD)) == balance(chart.listener_rewards(USD)) == usd("6")
    assert balance(chart.ads_revenue(USD)) == usd("6")
    assert balance(chart.unsettled(USD)) == 0
    assert advertiser.prepaid_micros() == usd("4")
    assert list(audit.findings()) == []


def test_what_comes_later_is_billed_by_the_next_entry_of_the_same_group() -> None:
    ad, album = make_ad(), make_album()
    see(ad, album)
    settlement.settle_due(NOON + timedelta(hours=1))
    see(ad, album, at=NOON + timedelta(hours=2))
    see(ad, album, at=NOON + timedelta(hours=3))
    settlement.settle_due(NOON + timedelta(hours=4))
    group = ImpressionGroup.objects.get()
    assert (group.count, group.posted_micros, group.gross_micros, group.postings_count) == (3, 18_000, 18_000, 2)
    assert pending(album) == 16_200
    keys = Entry.objects.filter(kind="ads settled").order_by("pk").values_list("key", flat=True)
    assert [key.rpartition(":")[2] for key in keys] == ["1", "2"]
    assert list(audit.findings()) == []


def test_other_shares_make_another_group_and_history_keeps_its_own() -> None:
    ad, album = make_ad(), make_album()
    see(ad, album, shares=[[42, 10_000]])
    see(ad, album, shares=[[43, 10_000]], at=NOON + timedelta(minutes=1))
    assert settlement.settle_due(NEXT_DAY) == 2
    assert balance(chart.payee(42, "pending", USD)) == balance(chart.payee(43, "pending", USD)) == 5_400


def test_prices_are_only_summed_whatever_the_campaign_costs_later() -> None:
    ad, album = make_ad(), make_album()
    see(ad, album)
    Campaign.objects.update(cpm_micros=11_000_000)
    ad.refresh_from_db()
    see(make_ad(Campaign.objects.get()), album, at=NOON + timedelta(minutes=1))
    assert settlement.settle_due(NEXT_DAY) == 1
    assert balance(chart.ads_revenue(USD)) == 17_000
    assert pending(album) == 15_300


def test_rejected_views_and_house_ads_are_not_billed() -> None:
    make_impression(state=Impression.State.REJECTED, reason="bot", rejected_at=NOON)
    see(make_ad(make_campaign(kind=Campaign.Kind.HOUSE)))
    assert settlement.settle_due(NEXT_DAY) == 0


def test_a_settlement_killed_in_the_middle_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    albums = [make_album(artist=make_artist()) for _ in range(3)]
    ad = make_ad()
    for album in albums:
        see(ad, album)
    real = books.post_all
    calls: list[str] = []

    def post_then_die(drafts: Any) -> int:
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(drafts[0].key)
        return real(drafts)

    monkeypatch.setattr("ads.revenue.billing.GROUPS_AT_ONCE", 1)
    monkeypatch.setattr(books, "post_all", post_then_die)
    with pytest.raises(KeyboardInterrupt):
        settlement.settle_due(NEXT_DAY)
    monkeypatch.undo()
    assert Impression.objects.unposted().count() == 2, "the group that died was not half billed"
    assert settlement.settle_due(NEXT_DAY) == 2
    assert [pending(album) for album in albums] == [5_400] * 3
    assert list(audit.findings()) == []


class Killed(BaseException):
    """What a killed process leaves behind: everything since the last commit is gone."""


def test_a_settlement_killed_at_any_statement_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ads.revenue.billing.GROUPS_AT_ONCE", 2)
    albums, wallet = [make_album() for _ in range(3)], make_wallet()
    ad = make_ad(make_campaign(frequency_cap=100))
    for album in albums:
        see(ad, album)
    watch(ad, wallet)
    see(ad, place=Place.MEGAKEY, wallet_id=wallet.pk, shares=[])
    killed = 0
    while _dies_at(killed + 1, lambda: settlement.settle_due(NEXT_DAY)):
        killed += 1
        assert list(audit.findings()) == [], f"after dying at statement {killed}"
    assert killed > 20
    assert [pending(album) for album in albums] == [5_400] * 3
    assert wallet.balance_micros() == 12_000
    assert Entry.objects.filter(kind="ads settled").count() == 5
    assert list(audit.findings()) == []


def _dies_at(number: int, work: Callable[[], object]) -> bool:
    """Whether `work` came to its `number`-th statement, where it dies; what it committed until then stands."""
    left = [number]

    def die(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(die):
            work()
    except Killed:
        return True
    return False


def test_a_view_rejected_while_its_group_is_summed_up_is_not_billed(monkeypatch: pytest.MonkeyPatch) -> None:
    ad, albums = make_ad(), [make_album(), make_album()]
    views = [see(ad, album, at=NOON + timedelta(minutes=n)) for n in range(2) for album in albums]
    find, left = due.find, views[1:2]

    def find_and_reject(*args: Any) -> Any:
        found = find(*args)
        if left:
            rejections.reject_batch([left.pop().pk], at=NEXT_DAY)
        return found

    monkeypatch.setattr(due, "find", find_and_reject)
    assert settlement.settle_due(NEXT_DAY) == 2
    assert [pending(album) for album in albums] == [10_800, 5_400]
    assert set(Impression.objects.filter(state="REJECTED").values_list("posting_n", flat=True)) == {None}
    assert list(audit.findings()) == []


def test_settling_writes_nothing_on_the_views() -> None:
    for _ in range(3):
        see(make_ad())
    before = list(Impression.objects.order_by("pk").values())
    settlement.settle_due(NEXT_DAY)
    assert list(Impression.objects.order_by("pk").values()) == before


def test_every_cent_leads_down_to_its_views_and_back_up() -> None:
    ad, album = make_ad(), make_album()
    views = []
    for hour in range(3):
        views.append([see(ad, album, at=NOON + timedelta(hours=hour, minutes=n)).pk for n in range(2)])
        settlement.settle_due(NOON + timedelta(hours=hour + 1))
    rejections.reject_batch([views[1][0]], at=NEXT_DAY)
    group = ImpressionGroup.objects.get()
    for entry in group.entries.order_by("n"):
        assert set(entry.views.values_list("pk", flat=True)) == set(views[entry.n - 1])
        assert entry.posted_micros == Entry.objects.get(key=group.entry_key(entry.n)).postings.get(line=0).amount
    assert {pk for some in views for pk in some} == set(group.views.values_list("pk", flat=True))


def test_what_an_advertiser_cannot_pay_any_more_is_owed_and_artists_are_paid() -> None:
    advertiser = make_advertiser(prepaid=usd("10"))
    ad, album = make_ad(make_campaign(advertiser=advertiser)), make_album()
    see(ad, album)
    see(ad, album, at=NOON + timedelta(minutes=1))
    taken_back = Line(chart.prepaid(advertiser.pk, USD), chart.receivable(USD), usd("9.99"), USD)
    journal.post("dispute", "dispute lost", [taken_back], occurred_at=NOON)
    assert settlement.settle_due(NEXT_DAY) == 1
    assert advertiser.prepaid_micros() == 0
    assert balance(chart.advertiser_owed(advertiser.pk, USD)) == 2_000
    assert pending(album) == 10_800
    assert list(audit.findings()) == []


# --- the day's book


def test_a_day_closes_half_an_hour_after_its_end_with_everything_billed() -> None:
    watch(make_ad(), make_wallet())
    midnight = datetime.combine(DAY + timedelta(days=1), time.min, UTC)
    with pytest.raises(DayStillOpen, match="00:30"):
        settlement.close(DAY, midnight + timedelta(minutes=29))
    assert BookDay.objects.state(DAY) == "OPEN"
    assert settlement.close(DAY, midnight + timedelta(minutes=30))
    assert BookDay.objects.state(DAY) == "CLOSED"
    assert balance(chart.unsettled(USD)) == 0
    assert not settlement.close(DAY, midnight + timedelta(minutes=31))


def test_a_final_day_never_changes() -> None:
    see(make_ad())
    at = datetime.combine(DAY + timedelta(days=1), time.min, UTC) + timedelta(hours=1)
    assert settlement.close_due(at) == 1
    assert settlement.close_due(at + timedelta(days=5)) == 0
    assert settlement.close_due(at + timedelta(days=6)) == 1
    assert BookDay.objects.state(DAY) == "FINAL"
    assert settlement.settle_due(at + timedelta(days=7)) == 0


def test_what_comes_after_its_day_is_final_is_billed_in_the_first_open_day() -> None:
    """Written behind the back of everything, for an ordinary view finds the book closed and takes the next day."""
    ad, album, wallet = make_ad(), make_album(), make_wallet()
    see(ad, album)
    at = datetime.combine(DAY + timedelta(days=8), time.min, UTC) + timedelta(hours=1)
    settlement.close_due(at)
    settlement.close_due(at)
    assert BookDay.objects.state(DAY) == "FINAL"
    final = ImpressionGroup.objects.get()
    make_impression(ad, album=album, beneficiary=final.beneficiary)
    make_impression(ad, album=album, beneficiary=final.beneficiary)
    Impression.objects.filter(pk=see(ad, place=Place.MEGAKEY, wallet_id=wallet.pk, shares=[]).pk).update(day=DAY)
    CampaignDay.objects.filter(day=DAY).update(spent_micros=24_000)
    CampaignDay.objects.exclude(day=DAY).delete()
    assert settlement.settle_due(at) == 0
    assert settlement.settle_due(at) == 2
    first_open = DAY + timedelta(days=1)
    kept = ImpressionGroup.objects.get(pk=final.pk)
    assert (kept.count, kept.posted_micros, kept.postings_count) == (1, 6_000, 1), "the final day stays as it was"
    assert set(ImpressionGroup.objects.filter(day=first_open).values_list("beneficiary", "count")) == {
        (final.beneficiary, 2),
        ("megakey", 1),
    }
    late = Entry.objects.get(key__startswith=f"ads:{ad.campaign_id}:{final.beneficiary}:{first_open}")
    assert late.postings.get(line=0).facts["late"] == 2
    assert pending(album) == 16_200
    assert wallet.balance_micros() == 6_000
    assert {view.viewed_at.date() for view in Impression.objects.all()} == {DAY}, "when it was seen is a fact"
    assert list(audit.findings()) == []


def test_a_month_closes_when_its_last_day_is_final_and_not_before() -> None:
    last_day = datetime(2026, 11, 30, 12, tzinfo=UTC)
    see(make_ad(), at=last_day)
    for days in range(1, 7):
        settlement.close_due(last_day + timedelta(days=days))
        settlement.close_months(last_day + timedelta(days=days))
        assert not months.is_closed(last_day.date())
    final = last_day + timedelta(days=7)
    assert not settlement.close_months(final), "its last day is old enough, but not final yet"
    settlement.close_due(final)
    assert settlement.close_months(final)
    assert months.closed_until() == datetime(2026, 12, 1, tzinfo=UTC)
    assert not settlement.close_months(final)


def test_a_month_without_ads_closes_by_its_age_and_one_without_books_never() -> None:
    assert not settlement.close_months(datetime(2026, 12, 7, tzinfo=UTC))
    make_advertiser(prepaid=usd("10"))  # on the first of November
    assert not settlement.close_months(datetime(2026, 12, 6, 23, tzinfo=UTC))
    assert settlement.close_months(datetime(2026, 12, 7, tzinfo=UTC))
    assert months.is_closed(DAY)


def test_a_day_that_was_never_made_final_keeps_its_month_open() -> None:
    see(make_ad(), at=NOON)
    assert not settlement.close_months(NOON + timedelta(days=90))


def test_what_is_found_in_a_final_day_of_a_closed_month_is_billed_in_an_open_month() -> None:
    ad, album = make_ad(), make_album()
    see(ad, album)
    at = datetime(2027, 1, 20, 1, tzinfo=UTC)
    settlement.close_due(at)
    settlement.close_due(at)
    assert settlement.close_months(at)
    make_impression(ad, album=album)
    settlement.settle_due(at)
    assert settlement.settle_due(at) == 1
    assert Impression.objects.order_by("number").values_list("day", flat=True).last() == at.date().replace(day=1)
    assert pending(album) == 10_800
    assert list(audit.findings()) == []


def test_a_view_that_comes_while_a_book_is_closed_is_billed_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ad, albums = make_ad(), [make_album(), make_album()]
    see(ad, albums[0])
    settle_due, left = settlement.settle_due, [albums[1]]

    def settle_and_see(now: datetime) -> int:
        posted = settle_due(now)
        if left:
            see(ad, left.pop())
        return posted

    monkeypatch.setattr(settlement, "settle_due", settle_and_see)
    assert settlement.close(DAY, NEXT_DAY)
    assert [pending(album) for album in albums] == [5_400, 5_400]
    assert list(audit.findings()) == []


def test_a_days_entries_belong_to_the_day_even_when_posted_at_night() -> None:
    see(make_ad())
    settlement.settle_due(NEXT_DAY)
    assert Entry.objects.get(kind="ads settled").occurred_at == datetime.combine(DAY, time.max, UTC)


def test_payees_money_matures_when_the_day_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    album = make_album()
    see(make_ad(), album)
    for days in range(1, 9):
        now = datetime.combine(DAY + timedelta(days=days), time.min, UTC) + timedelta(minutes=37)
        monkeypatch.setattr("ads.tasks.timezone.now", lambda now=now: now)
        tasks.settle()
        tasks.close_days()
        is_payable = balance(chart.payee(album.artist.payee_id, "payable", USD)) == 5_400
        assert is_payable == (days >= 7) == (BookDay.objects.state(DAY) == "FINAL")
    assert pending(album) == 0
    assert list(audit.findings()) == []


def test_the_queue_knows_what_was_not_settled_in_time() -> None:
    assert ads_queue.oldest_waiting() is None
    see(make_ad())
    waiting = ads_queue.oldest_waiting()
    assert waiting is not None
    assert waiting - NOON > timedelta(hours=1)
    settlement.settle_due(NEXT_DAY)
    assert ads_queue.oldest_waiting() is None


def test_the_cost_of_settling_grows_with_groups_and_not_with_views(django_assert_max_num_queries: Any) -> None:
    ad, album = make_ad(), make_album()
    for second in range(60):
        make_impression(ad, album=album, viewed_at=NOON + timedelta(seconds=second))
    with django_assert_max_num_queries(37):
        assert settlement.settle_due(NEXT_DAY) == 1
    assert balance(chart.ads_revenue(USD)) == 360_000
