"""The pages of splits: an owner sends, whoever is asked reads and signs, and everybody sees what is theirs alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from artists import signing, split_letters, splits, tasks
from artists.models import Album, SplitSheet, Track
from tests.artists.factories import make_album, make_artist, make_payee, make_sheet, make_track
from tests.artists.signers import CHARLIE, LEO, NINA, THREE, agree, line_of, part, send
from tests.users.factories import charlie, leo, make_user, max_, nina
from users.models import Mail, User

pytestmark = pytest.mark.django_db

Row = tuple[str, str, str, str]
HALF: Sequence[Row] = (("Nina", NINA, "ARTIST", "66.67"), ("Leo", LEO, "PERFORMER", "33.33 %"), ("", "", "OTHER", ""))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rows(*typed: Row, name: str = "Nina Kit") -> dict[str, object]:
    names, emails, roles, parts = zip(*typed, strict=True) if typed else ((), (), (), ())
    return {
        "split-name": names,
        "split-email": emails,
        "split-role": roles,
        "split-percent": parts,
        "signed_as": name,
    }


def address(thing: Album | Track) -> str:
    return splits.studio_address(thing)


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def waiting_now(thing: Album | Track) -> SplitSheet:
    return send(thing, at=timezone.now())


def link(sheet: SplitSheet, email: str, what: str = "sign") -> str:
    return reverse(f"artists:{what}", args=[split_letters.token(line_of(sheet, email))])


def told(answer: Any, client: Client) -> str:
    return words(client.get(answer.headers["Location"]))


# --- the owner's page


def test_an_owner_sees_what_holds_and_sends_the_next_version() -> None:
    album, client = make_album(), signed_in(nina())
    page = words(client.get(address(album)))
    assert "Nova Kit" in page and "100 %" in page and 'value="nina@demo.megabox.test"' in page
    answer = client.post(address(album), rows(*HALF))
    assert answer.status_code == 302
    page = told(answer, client)
    assert "Version 1 is sent. It is in force as soon as everybody signed." in page
    assert "Version 1 waits: 1 of 2 signed" in page
    assert list(SplitSheet.objects.get().lines.values_list("basis_points", flat=True)) == [6_667, 3_333]
    assert Mail.objects.filter(to=LEO).count() == 1


def test_alone_it_is_in_force_at_once() -> None:
    album, client = make_album(), signed_in(nina())
    answer = client.post(address(album), rows(("Nina", NINA, "ARTIST", "100")))
    assert "Version 1 is in force now: nobody else has to sign it." in told(answer, client)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ([("Nina", NINA, "ARTIST", "50"), ("Leo", LEO, "OTHER", "49.99")], "these make 99.99 %. Nothing was sent."),
        ([("Leo", LEO, "OTHER", "a third")], "“a third” is no percentage. Write the part of Leo like 33.33"),
        ([("Leo", LEO, "OTHER", "33.333")], "“33.333” is no percentage"),
        ([("Leo", LEO, "OTHER", "1e2")], "is no percentage"),
        ([("Leo", LEO, "OTHER", "-100")], "is no percentage"),
        ([("Leo", LEO, "OTHER", "١٠٠")], "is no percentage"),
        ([("Leo", LEO, "OTHER", "")], "is no percentage"),
        ([("Leo", "", "OTHER", "100")], "is no e-mail address. Write the one that Leo reads."),
        ([("Leo", LEO, "BOSS", "100")], "Choose what Leo is"),
        ([], "A split names between 1 and 50 people."),
        ([(f"P{n}", f"p{n}@x.test", "OTHER", "1") for n in range(51)], "A split names between 1 and 50 people."),
    ],
    ids=[
        *("9999-points", "words", "three-decimals", "scientific", "negative", "arabic", "empty", "no-address"),
        *("role", "nobody", "fifty-one"),
    ],
)
def test_what_is_typed_wrong_is_said_and_kept(typed: Sequence[Row], sentence: str) -> None:
    album = make_album()
    answer = signed_in(nina()).post(address(album), rows(*typed))
    assert answer.status_code == 422
    page = words(answer)
    assert sentence in page
    assert all(f'value="{email}"' in page for _, email, _, _ in typed if email)
    assert not SplitSheet.objects.exists()


def test_nobody_opens_the_splits_of_other_peoples_music() -> None:
    others = make_user("ilse@demo.megabox.test", is_artist=True)
    album = make_album(tracks=1)
    sheet = waiting_now(album)
    track = album.tracks.get()
    client = signed_in(others)
    for path in (address(album), address(track), reverse("artists:split_sheet", args=[sheet.pk])):
        assert client.get(path).status_code == 404
    assert client.post(address(album), rows(*HALF)).status_code == 404
    for name in ("withdraw_split", "remind_split"):
        assert client.post(reverse(f"artists:{name}", args=[sheet.pk])).status_code == 404
    sheet.refresh_from_db()
    assert sheet.is_waiting and sheet.version == 1


def test_an_owner_withdraws_and_reminds() -> None:
    album, client = make_album(), signed_in(nina())
    sheet = waiting_now(album)
    remind, withdraw = (reverse(f"artists:{name}", args=[sheet.pk]) for name in ("remind_split", "withdraw_split"))
    assert "less than a day ago" in told(client.post(remind), client)
    sheet.lines.update(asked_at=timezone.now() - timedelta(days=2))
    assert "gets another letter" in told(client.post(remind), client)
    assert "Version 1 is withdrawn." in told(client.post(withdraw), client)
    assert "it was withdrawn on" in told(client.post(withdraw), client)
    assert "it was withdrawn on" in told(client.post(remind), client)


def test_the_next_version_begins_with_the_one_that_holds() -> None:
    album = make_album()
    agree(album, at=timezone.now())
    page = words(signed_in(nina()).get(address(album)))
    assert all(f'value="{email}"' in page for email in (NINA, LEO, CHARLIE))
    assert 'value="30"' in page and '<option value="LABEL" selected' in page
    assert "Version 1, all versions" in page


def test_a_version_that_was_taken_over_says_so() -> None:
    album = make_album()
    make_sheet(album, [(album.artist.payee, 4_000), (make_payee("Drums"), 6_000)], at=timezone.now())
    client = signed_in(nina())
    page = words(client.get(address(album)))
    assert "was taken over. The next one is signed by everybody in it." in page
    assert f'value="{NINA}"' in page, "one's own address is known"
    sheet = words(client.get(reverse("artists:split_sheet", args=[SplitSheet.objects.get().pk])))
    assert "its people were told, not asked" in sheet


def test_a_track_has_a_page_of_its_own() -> None:
    track, client = make_track(), signed_in(nina())
    assert "As the album is." in words(client.get(address(track)))
    answer = client.post(address(track), rows(("Nina", NINA, "ARTIST", "100")))
    assert answer.headers["Location"] == address(track)
    assert "shared apart" in words(client.get(address(track.album)))


def test_the_list_of_sections_says_who_has_not_signed() -> None:
    album, client = make_album(tracks=1), signed_in(nina())
    assert "not signed yet" not in words(client.get(reverse("artists:words", args=[album.pk])))
    waiting_now(album)
    assert "2 not signed yet" in words(client.get(reverse("artists:words", args=[album.pk])))


def test_a_page_with_many_people_costs_no_more_queries(django_assert_max_num_queries: Any) -> None:
    album, client = make_album(), signed_in(nina())
    many = [part(NINA, 5_100), *(part(f"p{n}@x.test", 100) for n in range(49))]
    send(album, many, at=timezone.now())
    with django_assert_max_num_queries(30):
        assert client.get(address(album)).status_code == 200


# --- whoever is asked


def test_a_stranger_with_the_link_reads_it_all_and_is_led_to_an_account() -> None:
    sheet = waiting_now(make_album())
    page = words(Client().get(link(sheet, LEO)))
    assert "30 % of “Night Bus” would be yours" in page
    assert "Of $7.00 paid for the album you get $1.89." in page
    assert all(text in page for text in ("Nina", "Charlie", "50 %", "20 %", "a tenth", "Label"))
    assert NINA not in page and CHARLIE not in page
    assert "/accounts/signup/?next=/studio/splits/sign/" in page
    assert Client().post(link(sheet, LEO), {"signed_as": "Leo"}).headers["Location"].startswith("/accounts/login/")
    assert sheet.lines.filter(signature=None).count() == 2


def test_whoever_was_asked_signs_and_sees_the_sheet() -> None:
    sheet = waiting_now(make_album())
    path, client = link(sheet, LEO), signed_in(leo())
    answer = client.post(path, {"signed_as": "Leo Marten"})
    assert answer.headers["Location"] == reverse("artists:split_sheet", args=[sheet.pk])
    page = told(answer, client)
    assert "You signed version 1 of “Night Bus”. It is in force as soon as everybody signed." in page
    assert "Leo Marten," in page and "waits for signatures" in page
    again = client.post(path, {"signed_as": "Leo Marten"})
    assert "You signed version 1 of “Night Bus” on" in told(again, client)
    assert client.get(path).status_code == 302
    last = signed_in(charlie()).post(link(sheet, CHARLIE), {"signed_as": "Charlie"})
    assert last.status_code == 302
    assert "In force since" not in page and "in force since" in words(client.get(answer.headers["Location"]))


def test_a_signature_needs_a_name() -> None:
    sheet = waiting_now(make_album())
    answer = signed_in(leo()).post(link(sheet, LEO), {"signed_as": ""})
    assert answer.status_code == 422 and "Type your name: it is your signature." in words(answer)
    assert signed_in(leo()).post(link(sheet, LEO), {"signed_as": "\u200b"}).status_code in (410, 422)


def test_another_account_reads_and_signs_nothing() -> None:
    sheet = waiting_now(make_album())
    client = signed_in(max_())
    for answer in (
        client.get(link(sheet, LEO)),
        client.post(link(sheet, LEO), {"signed_as": "Max"}),
        client.post(link(sheet, LEO, "decline"), {"reason": "No."}),
    ):
        assert answer.status_code == 403
        assert "sent to another address than yours, and you are signed in as max@demo.megabox.test" in words(answer)
        assert LEO not in words(answer) and "30 %" not in words(answer)


def test_an_address_that_is_not_confirmed_waits() -> None:
    user = make_user(LEO, is_confirmed=False)
    sheet, client = waiting_now(make_album()), signed_in(user)
    answer = client.get(link(sheet, LEO))
    assert answer.status_code == 403 and "Confirm first that leo@demo.megabox.test is yours" in words(answer)
    assert "waits for your signature" not in words(client.get(reverse("artists:my_splits")))
    EmailAddress.objects.filter(user=user).update(verified=True)
    assert client.get(link(sheet, LEO)).status_code == 200


def test_declining_needs_no_account() -> None:
    sheet = waiting_now(make_album())
    path = link(sheet, LEO, "decline")
    assert Client().post(path, {"reason": ""}).status_code == 422
    answer = Client().post(path, {"reason": "We said 35 %."})
    assert answer.status_code == 200 and "You declined." in words(answer)
    again = Client().post(path, {"reason": "We said 35 %."})
    assert again.status_code == 410 and "it was declined on" in words(again)
    page = words(signed_in(nina()).get(address(sheet.thing)))
    assert "“We said 35 %.”" in page and LEO not in page


@pytest.mark.parametrize("state", ["withdrawn", "replaced", "expired", "deleted", "forged"])
def test_a_link_that_is_over_says_why(state: str) -> None:
    album = make_album(published=False)
    sheet = waiting_now(album)
    path = link(sheet, LEO)
    if state == "withdrawn":
        signing.withdraw(sheet, at=timezone.now())
    elif state == "replaced":
        waiting_now(album)
    elif state == "expired":
        signing.expire(timezone.now() + signing.TIME_TO_SIGN)
    elif state == "deleted":
        SplitSheet.objects.all().delete()
    else:
        path = path[:-5] + "aaaa/"
    sentence, status = {
        "withdrawn": ("it was withdrawn on", 410),
        "replaced": ("it was withdrawn on", 410),
        "expired": ("it was not signed by everybody in time and ended on", 410),
        "deleted": ("This sheet is gone", 404),
        "forged": ("This link is not complete, or not from us", 404),
    }[state]
    for client in (Client(), signed_in(leo())):
        answer = client.get(path)
        assert (answer.status_code, sentence in words(answer)) == (status, True)
    answer = signed_in(leo()).post(path, {"signed_as": "Leo"})
    assert (answer.status_code, sentence in words(answer)) == (status, True)


# --- everybody's own splits


def test_a_label_sees_the_albums_it_is_paid_for() -> None:
    for title in ("One", "Two"):
        agree(make_album(title), at=timezone.now())
    waiting_now(make_album("Three"))
    page = words(signed_in(charlie()).get(reverse("artists:my_splits")))
    assert "Music you are the label of" in page and "One" in page and "Two" in page
    assert "“Three” waits for your signature" in page
    assert "Music you share in" not in page


def test_a_label_without_music_finds_its_splits_in_the_studio() -> None:
    agree(make_album(), at=timezone.now())
    client = signed_in(charlie())
    client.force_login(User.objects.get(email=CHARLIE))
    assert client.get(reverse("artists:index")).headers["Location"] == reverse("artists:my_splits")
    assert client.get("/studio/earnings/").status_code == 200


def test_who_left_a_sheet_sees_the_old_version_and_not_the_new_one() -> None:
    album = make_album()
    first = agree(album, at=timezone.now())
    second = agree(album, [part(NINA, 1_100), part(CHARLIE, 8_900, "LABEL")], at=timezone.now())
    client = signed_in(leo())
    page = words(client.get(reverse("artists:split_sheet", args=[first.pk])))
    assert "Version 1" in page and "replaced" in page
    assert "Version 2" not in page and "89 %" not in page
    assert client.get(reverse("artists:split_sheet", args=[second.pk])).status_code == 404
    assert "Not in force" in words(client.get(reverse("artists:my_splits")))
    both = words(signed_in(charlie()).get(reverse("artists:split_sheet", args=[first.pk])))
    assert "Version 1" in both and "Version 2" in both
    assert "Version 2" in words(signed_in(nina()).get(reverse("artists:split_sheet", args=[first.pk])))


def test_without_any_split_the_page_says_how_one_comes() -> None:
    assert "No split names you yet" in words(signed_in(leo()).get(reverse("artists:my_splits")))


def test_many_splits_cost_no_more_queries(django_assert_max_num_queries: Any) -> None:
    client = signed_in(leo())
    for number in range(6):
        agree(make_album(f"Album {number}"), at=timezone.now())
    client.force_login(User.objects.get(email=LEO))
    with django_assert_max_num_queries(12):
        assert client.get(reverse("artists:my_splits")).status_code == 200


def test_the_clock_reminds_and_ends() -> None:
    sheet = send(make_album(), THREE, at=timezone.now() - signing.TIME_TO_SIGN + timedelta(days=1))
    tasks.follow_splits()
    assert Mail.objects.filter(subject__startswith="Reminder").count() == 2
    SplitSheet.objects.update(expires_at=timezone.now())
    tasks.follow_splits()
    sheet.refresh_from_db()
    assert sheet.state == "EXPIRED"


def test_the_album_page_shows_its_label() -> None:
    album = make_album(tracks=1)
    agree(album, [part(NINA, 6_000), part(CHARLIE, 4_000, "LABEL", "Harbour Records")], at=timezone.now())
    page = words(Client().get(album.get_absolute_url()))
    assert "<dd>Harbour Records</dd>" in page
    assert f"℗ {timezone.now().year} Harbour Records" in page


def test_a_sheet_is_read_by_nobody_else() -> None:
    sheet = agree(make_album(artist=make_artist("Other")), at=timezone.now())
    assert signed_in(max_()).get(reverse("artists:split_sheet", args=[sheet.pk])).status_code == 404
