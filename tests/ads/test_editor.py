"""The campaign editor in four steps: what is typed is stored, or kept and answered with a sentence; nothing is lost."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ads.budgets import estimate
from ads.demand import campaigns, drafts
from ads.forms.terms import hours_in_words
from ads.models import Ad, AskedHour, Campaign, ServedHour
from tests.ads.factories import make_ad, make_advertiser, make_campaign, usd
from tests.crashing import Clock
from tests.users.factories import acme, make_user

pytestmark = pytest.mark.django_db
NOW = timezone.now()
TODAY = NOW.date()
MONEY = {"cpm_micros": "6.00", "budget_micros": "25", "starts_on": TODAY.isoformat(), "pacing": "EVEN"}
REACH = {"places": ["gate", "page"], "frequency_cap": "5"}


@pytest.fixture(autouse=True)
def _midnight_waits(clock: Clock) -> None:
    clock.now = NOW


def _client() -> Client:
    client = Client()
    client.force_login(acme())
    return client


def _draft(client: Client) -> Campaign:
    advertiser = make_advertiser()
    client.post(f"/advertise/{advertiser.pk}/campaigns/new/", {"name": "Autumn"})
    return Campaign.objects.get(advertiser=advertiser)


def _step(campaign: Campaign, step: str) -> str:
    return f"/advertise/campaigns/{campaign.pk}/edit/{step}/"


def _text(answer: Any) -> str:
    html = answer.content.decode().replace("&quot;", '"').replace("&#x27;", "'")
    return re.sub(r"\s+", " ", html)


def _refused(step: str, typed: dict[str, Any], says: str) -> None:
    """The step answers with the sentence, keeps what was typed, here and after going elsewhere, and stores nothing."""
    client = _client()
    campaign = _draft(client)
    before = Campaign.objects.values().get(pk=campaign.pk)
    good = MONEY if step == "money" else REACH if step == "reach" else {"name": "Autumn"}
    answer = client.post(_step(campaign, step), {**good, **typed})
    assert answer.status_code == 422
    assert says in _text(answer)
    assert Campaign.objects.values().get(pk=campaign.pk) == before
    client.get(_step(campaign, "check"))
    again = _text(client.get(_step(campaign, step)))
    assert says in again, "what was typed is kept when one goes elsewhere and comes back"
    for page in (_text(answer), again):
        for value in typed.values():
            assert not isinstance(value, str) or not value or value.split("<")[0] in page


# --- money and dates, each wrong in its own way


def test_a_campaign_without_a_budget_is_asked_for_one() -> None:
    _refused("money", {"budget_micros": ""}, "Write an amount, like 6.00.")


def test_a_budget_below_the_least_is_refused() -> None:
    _refused("money", {"budget_micros": "0.50"}, "Write an amount between $1.00 and $100,000.00.")


def test_a_campaign_without_a_budget_does_not_go_live() -> None:
    client = _client()
    campaign = _draft(client)
    make_ad(campaign)
    answer = client.post(f"/advertise/campaigns/{campaign.pk}/live/", follow=True)
    assert "It has no budget yet. Say how much it may spend." in _text(answer)
    assert Campaign.objects.get().state == "DRAFT"


def test_days_in_the_wrong_order_are_refused() -> None:
    first, last = TODAY + timedelta(days=9), TODAY + timedelta(days=8)
    _refused(
        "money", {"starts_on": first.isoformat(), "ends_on": last.isoformat()}, "The last day is before the first."
    )


def test_a_campaign_does_not_start_in_the_past() -> None:
    _refused("money", {"starts_on": (TODAY - timedelta(days=1)).isoformat()}, "This day is over. Choose today,")


def test_a_campaign_that_began_keeps_its_first_day() -> None:
    campaign = make_campaign(state=Campaign.State.PAUSED)
    typed = {**MONEY, "budget_micros": "10", "starts_on": campaign.starts_at.date().isoformat()}
    assert _client().post(_step(campaign, "money"), typed).status_code == 302
    assert Campaign.objects.get().starts_at.date() == campaign.starts_at.date()


def test_a_day_after_the_next_two_years_is_refused() -> None:
    _refused("money", {"ends_on": "9999-12-31"}, "within the next two years")


def test_a_day_that_is_no_day_is_refused() -> None:
    _refused("money", {"starts_on": "yesterday"}, "Write the day like 2026-12-24.")


def test_a_price_of_nothing_is_refused() -> None:
    _refused("money", {"cpm_micros": "0"}, "Write an amount between $0.01 and $1,000.00.")


def test_a_price_of_a_million_millions_is_refused() -> None:
    _refused("money", {"cpm_micros": "1000000000000"}, "more than $1,000.00")


def test_a_price_in_powers_of_ten_is_refused() -> None:
    _refused("money", {"cpm_micros": "1e12"}, "is not an amount")


@pytest.mark.parametrize("typed", ["NaN", "nan", "inf", "-inf", "Infinity"])
def test_what_is_not_a_number_is_refused(typed: str) -> None:
    says = "cannot be below zero" if typed.startswith("-") else f"“{typed}” is not an amount"
    _refused("money", {"budget_micros": typed}, says)


def test_fractions_of_micros_are_refused() -> None:
    _refused("money", {"cpm_micros": "6.0000001"}, "2 decimal places")


def test_a_price_below_zero_is_refused() -> None:
    _refused("money", {"cpm_micros": "-1"}, "cannot be below zero")


def test_a_comma_in_an_amount_is_refused() -> None:
    _refused("money", {"cpm_micros": "1,99"}, "with a point")


def test_a_daily_limit_above_the_budget_is_refused() -> None:
    _refused("money", {"daily_cap_micros": "30"}, "more than the whole budget")


def test_a_daily_limit_below_one_view_is_refused() -> None:
    _refused("money", {"cpm_micros": "900", "daily_cap_micros": "0.50"}, "Not even one view a day")


def test_an_unknown_pace_is_refused() -> None:
    _refused("money", {"pacing": "WARP"}, "not one of the available choices")


# --- whom and where


def test_no_place_at_all_is_refused() -> None:
    _refused("reach", {"places": []}, "Choose at least one place.")


@pytest.mark.parametrize("name", ["places", "genres", "moods", "languages", "hours"])
def test_what_cannot_be_chosen_is_refused(name: str) -> None:
    _refused("reach", {name: ["moon"]}, "not one of the available choices")


@pytest.mark.parametrize("hour", ["24", "-1", "1.5", "٣"])
def test_an_hour_that_no_day_has_is_refused(hour: str) -> None:
    _refused("reach", {"hours": [hour]}, "not one of the available choices")


@pytest.mark.parametrize("typed", ["Austria, Atlantis", "EU", "ZZ", "D E", "<b>DE</b>"])
def test_a_country_that_is_none_is_refused(typed: str) -> None:
    _refused("reach", {"countries": typed}, "is not a country we know")


def test_a_frequency_of_nothing_is_refused() -> None:
    _refused("reach", {"frequency_cap": "0"}, "at least once a day")


def test_a_frequency_beyond_bearing_is_refused() -> None:
    _refused("reach", {"frequency_cap": "1000"}, "Nobody wants to see one ad")


def test_a_frequency_in_words_is_refused() -> None:
    _refused("reach", {"frequency_cap": "many"}, "Write a whole number")


def test_countries_are_typed_as_names_or_codes_and_shown_as_names() -> None:
    client = _client()
    campaign = _draft(client)
    client.post(_step(campaign, "reach"), {**REACH, "countries": "germany, AT ch; Côte d’Ivoire"})
    assert Campaign.objects.get().countries == ["AT", "CH", "CI", "DE"]
    assert (
        'value="Austria, Switzerland, Côte d’Ivoire, Germany"' in client.get(_step(campaign, "reach")).content.decode()
    )


def test_all_hours_are_the_same_as_none() -> None:
    client = _client()
    campaign = _draft(client)
    client.post(_step(campaign, "reach"), {**REACH, "hours": list(range(24))})
    assert Campaign.objects.get().hours == []


def test_hours_are_said_as_spans_and_on_the_clock_of_their_advertiser() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert hours_in_words([]) == ""
    assert hours_in_words([18, 19, 20, 7]) == "07:00 to 08:00, 18:00 to 21:00 UTC"
    assert hours_in_words([23], "Asia/Kolkata", at=at) == "23:00 to 24:00 UTC (04:30 to 05:30 in Kolkata)"
    assert hours_in_words([23], "Moon/Base", at=at) == "23:00 to 24:00 UTC"


# --- the name


def test_a_campaign_without_a_name_is_asked_for_one() -> None:
    _refused("show", {"name": " "}, "Give the campaign a name.")


def test_a_name_longer_than_its_line_is_refused() -> None:
    _refused("show", {"name": "x" * 121}, "at most 120 characters")


def test_a_new_campaign_without_a_name_is_not_begun() -> None:
    advertiser = make_advertiser()
    answer = _client().post(f"/advertise/{advertiser.pk}/campaigns/new/", {"name": ""})
    assert answer.status_code == 422
    assert not Campaign.objects.exists()


# --- back and forth


def test_each_step_stores_its_own_fields_whichever_way_it_is_left() -> None:
    client = _client()
    campaign = _draft(client)
    for go, to in (("back", "show"), ("money", "money"), ("check", "check"), ("", "money"), ("next", "money")):
        answer = client.post(_step(campaign, "reach"), {**REACH, "moods": ["calm"], "go": go})
        assert answer["Location"] == _step(campaign, to)
    assert client.post(_step(campaign, "show"), {"name": "Winter", "go": "spot"})["Location"].endswith("/ads/spot/new/")
    client.post(_step(campaign, "money"), {**MONEY, "pacing": "FAST", "daily_cap_micros": "5", "go": "leave"})
    stored = Campaign.objects.get()
    assert (stored.name, stored.moods, stored.pacing) == ("Winter", ["calm"], "FAST")
    assert (stored.budget_micros, stored.daily_cap_micros, stored.places) == (usd("25"), usd("5"), ["gate", "page"])
    html = client.get(_step(campaign, "money")).content.decode()
    for value in ("6.00", "25.00", "5.00", TODAY.isoformat()):
        assert f'value="{value}"' in html


def test_two_windows_on_two_steps_do_not_undo_each_other() -> None:
    client = _client()
    campaign = _draft(client)
    client.get(_step(campaign, "reach"))
    client.post(_step(campaign, "money"), MONEY)
    client.post(_step(campaign, "reach"), REACH)
    assert Campaign.objects.get().budget_micros == usd("25")


def test_what_is_wrong_is_kept_while_one_goes_back_and_comes_again() -> None:
    client = _client()
    campaign = _draft(client)
    answer = client.post(_step(campaign, "money"), {**MONEY, "budget_micros": "much", "go": "back"}, follow=True)
    assert answer.redirect_chain[0][0] == _step(campaign, "reach")
    assert "kept as you typed it and not stored" in _text(answer)
    assert "look again" in _text(answer)
    assert "In “Money and dates” something you typed is not right yet" in _text(client.get(_step(campaign, "check")))
    again = _text(client.get(_step(campaign, "money")))
    assert 'value="much"' in again
    assert "This is as you typed it last time" in again
    client.post(_step(campaign, "money"), {"go": "forget"})
    assert 'value="much"' not in _text(client.get(_step(campaign, "money")))
    assert "look again" not in _text(client.get(_step(campaign, "check")))


def test_a_flood_of_typing_is_not_kept() -> None:
    client = _client()
    campaign = _draft(client)
    assert client.post(_step(campaign, "show"), {"name": "x" * 50_000}).status_code == 422
    assert "campaign_typed" not in client.session


def test_what_is_kept_is_seen_by_nobody_else() -> None:
    client = _client()
    campaign = _draft(client)
    client.post(_step(campaign, "money"), {**MONEY, "budget_micros": "much"})
    rival = Client()
    rival.force_login(make_user("rival@demo.megabox.test", is_advertiser=True))
    for path in (_step(campaign, "money"), f"/advertise/campaigns/{campaign.pk}/sum/money/"):
        assert rival.get(path).status_code == 404
    assert rival.post(_step(campaign, "money"), MONEY).status_code == 404
    assert Campaign.objects.get().budget_micros == 0


@pytest.mark.parametrize("step", ["moon", "check%00", "../money"])
def test_there_are_four_steps_and_no_other(step: str) -> None:
    campaign = make_campaign(live=False)
    assert _client().get(f"/advertise/campaigns/{campaign.pk}/edit/{step}/").status_code == 404


def test_a_paused_campaign_is_not_given_more_than_is_prepaid() -> None:
    campaign = make_campaign(state=Campaign.State.PAUSED, stopped_at=timezone.now())
    answer = _client().post(_step(campaign, "money"), {**MONEY, "budget_micros": "11"})
    assert answer.status_code == 422
    assert "not enough free money" in _text(answer)
    assert 'value="11"' in _text(answer)
    assert Campaign.objects.get().budget_micros == usd("10")


def test_an_ended_campaign_says_to_copy_it() -> None:
    campaign = make_campaign(state=Campaign.State.ENDED, ended_at=timezone.now())
    assert "Copy it to go on" in _text(_client().get(_step(campaign, "money"), follow=True))


# --- the running sum


def _hour(days_ago: int) -> datetime:
    return datetime.combine(TODAY - timedelta(days=days_ago), time(12), UTC)


def test_the_sum_says_what_the_money_buys_and_how_long_it_lasts_by_real_counters() -> None:
    client = _client()
    campaign = _draft(client)
    other = make_campaign()
    ServedHour.objects.create(campaign=other, place="gate", hour=_hour(1), count=4_900)
    ServedHour.objects.create(campaign=other, place="megakey", hour=_hour(1), count=70_000)
    ServedHour.objects.create(campaign=other, place="gate", hour=_hour(8), count=70_000)
    client.post(_step(campaign, "reach"), {**REACH, "places": ["gate"]})
    typed = {**MONEY, "cpm_micros": "5", "budget_micros": "10"}
    shown = _text(client.get(f"/advertise/campaigns/{campaign.pk}/sum/money/", typed))
    assert "$10.00 at $5.00 for 1 000 views = 2 000 views." in shown
    assert "room for about 700 ads a day, so that is about 3 days of it" in shown
    assert Campaign.objects.get(pk=campaign.pk).budget_micros == 0, "a sum stores nothing"
    AskedHour.objects.create(place="gate", hour=_hour(2), asked=14_000, filled=4_900)
    shown = _text(client.get(f"/advertise/campaigns/{campaign.pk}/sum/money/", typed))
    assert "room for about 2 000 ads a day, so that is about 1 day of it" in shown


def test_the_sum_makes_no_promise_where_nothing_was_counted() -> None:
    campaign = make_campaign(live=False)
    shown = _text(_client().get(_step(campaign, "check")))
    assert "Nothing was asked for at these places in the last 7 days" in shown


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"daily_cap_micros": usd("1")}, ["about 10 days of it", "at most 200 views a day"]),
        ({"ends_on": TODAY}, ["In its 1 day these places have room for about 700 views: about $6.50 would be left"]),
        ({"ends_on": TODAY + timedelta(days=9)}, ["Spread over its 10 days that is 200 views a day."]),
        ({"budget_micros": 0}, ["At $5.00 for 1 000 views, each view costs $0.005."]),
        ({"budget_micros": usd("1")}, ["less than a day of it"]),
        ({"ends_on": TODAY - timedelta(days=1)}, ["Its last day is over."]),
    ],
)
def test_the_sum_follows_limits_and_days(terms: dict[str, Any], says: list[str]) -> None:
    usual = {"cpm_micros": usd("5"), "budget_micros": usd("10"), "daily_cap_micros": None}
    whole = {**usual, "starts_on": TODAY, "ends_on": None, "places": ["gate"], **terms}
    said = " ".join(estimate.sentences(estimate.Terms(**whole), 700, TODAY))
    for sentence in says:
        assert sentence in said


@pytest.mark.parametrize(
    "typed", [{}, {"cpm_micros": "NaN", "budget_micros": "1e99", "starts_on": "x", "ends_on": "0"}]
)
def test_the_sum_of_nonsense_is_that_of_what_is_stored(typed: dict[str, str]) -> None:
    campaign = make_campaign(live=False)
    answer = _client().get(f"/advertise/campaigns/{campaign.pk}/sum/money/", typed)
    assert answer.status_code == 200
    assert "$10.00 at $6.00 for 1 000 views" in _text(answer)


# --- copies and drafts


def test_a_copy_has_the_terms_and_the_ads_and_is_a_draft_from_today() -> None:
    campaign = make_campaign(moods=["calm"], hours=[7], pacing="FAST", daily_cap_micros=usd("2"), name="x" * 120)
    make_ad(campaign, title="Ride")
    make_ad(campaign, title="Gone", review=Ad.Review.WITHDRAWN)
    make_ad(campaign, title="Unmade", media_state=Ad.MediaState.WANTED)
    Campaign.objects.filter(pk=campaign.pk).update(spent_micros=usd("3"), settled_micros=usd("2"))
    answer = _client().post(f"/advertise/campaigns/{campaign.pk}/copy/")
    made = Campaign.objects.exclude(pk=campaign.pk).get()
    assert answer["Location"] == _step(made, "show")
    assert (made.state, made.spent_micros, made.settled_micros, made.budget_micros) == ("DRAFT", 0, 0, usd("10"))
    assert (made.moods, made.hours, made.pacing, made.daily_cap_micros) == (["calm"], [7], "FAST", usd("2"))
    assert made.name.endswith(" (copy)")
    assert made.starts_at.date() == TODAY
    assert [(ad.title, ad.review, ad.alt) for ad in made.ads.all()] == [("Ride", "DRAFT", "A bus in the rain")]


def test_a_copy_of_what_is_over_runs_until_its_budget_is_spent() -> None:
    now = timezone.now()
    campaign = make_campaign(state=Campaign.State.ENDED, ended_at=now, ends_at=now - timedelta(days=1))
    _client().post(f"/advertise/campaigns/{campaign.pk}/copy/")
    assert Campaign.objects.exclude(pk=campaign.pk).get().ends_at is None


def test_a_draft_is_deleted_and_what_ran_is_not() -> None:
    client, draft = _client(), make_campaign(live=False)
    make_ad(draft, review=Ad.Review.DRAFT)
    client.post(f"/advertise/campaigns/{draft.pk}/discard/")
    assert not Campaign.objects.exists()
    ran = make_campaign()
    answer = client.post(f"/advertise/campaigns/{ran.pk}/discard/", follow=True)
    assert "ran already, and its report stays" in _text(answer)
    assert Campaign.objects.filter(pk=ran.pk).exists()


# --- what it costs


@pytest.mark.parametrize("step", ["show", "reach", "money", "check"])
def test_a_step_costs_the_same_queries_however_many_ads_and_campaigns_there_are(
    step: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_campaign(live=False)
    make_ad(campaign)
    client = _client()
    client.get(_step(campaign, step))
    with django_assert_max_num_queries(24) as few:
        assert client.get(_step(campaign, step)).status_code == 200
    for _ in range(5):
        make_ad(campaign)
        make_ad(make_campaign(advertiser=campaign.advertiser))
    with django_assert_max_num_queries(len(few)):
        client.get(_step(campaign, step))


# --- how many ads


def test_a_campaign_has_twenty_ads_at_most_and_one_that_was_taken_out_makes_room() -> None:
    client = _client()
    campaign = _draft(client)
    ads = [make_ad(campaign, kind=Ad.Kind.TEXT, path="") for _ in range(drafts.MOST_ADS)]
    words = {"title": "Read", "body": "Ride the bus."}
    new = f"/advertise/campaigns/{campaign.pk}/ads/text/new/"
    for answer in (client.get(new, follow=True), client.post(new, words, follow=True)):
        assert "This campaign has 20 ads, which is the most. Take one out first" in _text(answer)
    with pytest.raises(campaigns.NotPossible):
        drafts.add_ad(Ad(campaign=campaign, kind=Ad.Kind.TEXT, title="Read", duration_ms=15_000))
    assert campaign.ads.count() == 20
    client.post(f"/advertise/ads/{ads[0].pk}/delete/")
    client.post(new, words)
    assert campaign.ads.exclude(review=Ad.Review.WITHDRAWN).count() == 20
    assert campaign.ads.count() == 21
