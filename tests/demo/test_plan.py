"""The story of the past weeks: the same at every run, and possible."""

from datetime import UTC, datetime, timedelta

from megabox.demo import people, plan, works

ANCHOR = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_the_story_is_the_same_at_every_run() -> None:
    assert plan.events(ANCHOR) == plan.events(ANCHOR)


def test_the_story_moves_with_its_anchor() -> None:
    later = plan.events(ANCHOR + timedelta(days=3))
    assert [event.at + timedelta(days=3) for event in plan.events(ANCHOR)][50:60] == [event.at for event in later][
        50:60
    ]


def test_every_event_has_a_moment_of_its_own() -> None:
    moments = [event.at for event in plan.events(ANCHOR)]
    assert len(set(moments)) == len(moments) > 500


def test_everything_is_over_before_the_first_run() -> None:
    for hour in (0, 1, 12, 23):
        anchor = ANCHOR.replace(hour=hour)
        assert max(event.at for event in plan.events(anchor)) <= anchor - timedelta(hours=1)


def test_nothing_is_had_before_it_came_out() -> None:
    out = {work.title: ANCHOR - timedelta(days=work.days_ago, hours=3) for work in works.WORKS}
    assert all(event.at > out[event.album] for event in plan.events(ANCHOR))


def test_nobody_buys_the_same_twice() -> None:
    sales = [(event.who, event.album) for event in plan.events(ANCHOR) if event.kind == "sale" and not event.song]
    assert len(set(sales)) == len(sales) > 20


def test_only_people_and_guests_of_the_demo_take_part() -> None:
    known = {"", *people.CAST, *plan.GUESTS}
    assert {event.who for event in plan.events(ANCHOR)} <= known
    assert people.DOMAIN == "demo.megabox.test"
