"""Splits are in force from the moment the last person in them signed, once, and not before."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, connection, connections, transaction

from artists import albums, audit, proposals, signing, split_letters, splits, tracks
from artists.models import Payee, SplitLine, SplitSheet, SplitSignature
from artists.models.splits import Immutable
from artists.proposals import Part
from tests.artists.factories import NOON, make_album, make_payee, make_sheet, make_track
from tests.artists.signers import CHARLIE, LATER, LEO, MUCH_LATER, NINA, THREE, agree, line_of, part, send, sign
from tests.users.factories import charlie, leo, make_user, max_, nina
from users.models import Mail, User

pytestmark = pytest.mark.django_db


def letters_to(email: str) -> list[str]:
    return list(Mail.objects.filter(to=email).order_by("pk").values_list("subject", flat=True))


# --- from a draft to in force


def test_a_sheet_is_in_force_when_the_last_one_signs_and_not_before() -> None:
    album = make_album()
    everything_to_nina = [(album.artist.payee_id, 10_000)]
    sheet = send(album)
    assert (sheet.state, sheet.version, sheet.shares) == ("WAITING", 1, [])
    assert splits.current(album).pairs == everything_to_nina
    sheet = sign(sheet, LEO, at=LATER)
    assert sheet.is_waiting and splits.current(album).pairs == everything_to_nina
    sheet = sign(sheet, CHARLIE, at=LATER + timedelta(hours=1))
    assert (sheet.state, sheet.in_force_at) == ("SIGNED", LATER + timedelta(hours=1))
    leos, charlies = leo().payees.get(), charlie().payees.get()
    assert splits.current(album) == sheet
    assert sheet.pairs == [(album.artist.payee_id, 5_000), (leos.pk, 3_000), (charlies.pk, 2_000)]
    assert (leos.kind, charlies.kind) == ("COLLABORATOR", "LABEL")
    assert list(audit.of_splits()) == []


def test_everybody_who_signed_has_a_studio_where_their_money_is() -> None:
    sign(send(make_album()), LEO)
    assert leo().is_artist


def test_the_earlier_version_goes_on_until_the_next_one_is_signed() -> None:
    album = make_album()
    first = agree(album)
    second = send(album, [part(NINA, 9_000), part(LEO, 1_000)], at=LATER)
    assert second.version == 2 and splits.current(album) == first
    second = sign(second, LEO, at=MUCH_LATER - timedelta(days=50))
    assert splits.current(album) == second
    first.refresh_from_db()
    assert first.shares != second.shares, "what was agreed before is kept"


def test_alone_for_everything_needs_nobody_else() -> None:
    album = make_album()
    agree(album)
    sheet = send(album, [part(NINA, 10_000)], at=LATER)
    assert sheet.is_signed and sheet.pairs == [(album.artist.payee_id, 10_000)]
    assert splits.current(album) == sheet
    assert not Mail.objects.filter(body__contains="version 2").exists(), "there is nobody to tell"


def test_an_owner_who_gives_everything_away_is_told_too() -> None:
    album = make_album()
    sheet = agree(album, [part(LEO, 10_000)])
    assert sheet.pairs == [(leo().payees.get().pk, 10_000)]
    assert letters_to(NINA) == ["The split of “Night Bus” is in force"]


def test_a_track_may_be_shared_otherwise_than_its_album() -> None:
    track = make_track()
    agree(track.album)
    sheet = agree(track, [part(NINA, 2_500), part(LEO, 7_500)])
    assert splits.current(track) == sheet
    assert splits.current(track.album) != sheet
    assert track.album.label == "", "a sheet of one track says nothing of who brought the album out"


def test_a_changed_version_asks_everybody_again_and_the_old_links_say_so() -> None:
    album = make_album()
    first = send(album)
    leos = line_of(first, LEO)
    sign(first, CHARLIE)
    second = send(album, [part(NINA, 4_000), part(LEO, 4_000), part(CHARLIE, 2_000, "LABEL")], at=LATER)
    first.refresh_from_db()
    assert (first.state, first.end_reason) == ("WITHDRAWN", "Version 2 took its place.")
    with pytest.raises(signing.CannotSign, match="Version 1 cannot be signed any more: it was withdrawn on 2 Nov"):
        signing.sign(leos.pk, user=leo(), name="Leo", at=LATER)
    assert second.lines.filter(signature=None).count() == 2, "a signature under version 1 is none under version 2"
    assert second.is_waiting


def test_whoever_was_paid_before_keeps_their_payee() -> None:
    leo_user, one = leo(), make_album()
    known = make_payee("Leo's band", user=leo_user)
    label = make_payee("Leo Records", user=leo_user, kind="LABEL")
    sheet = agree(one, [part(LEO, 10_000)])
    assert sheet.pairs == [(known.pk, 10_000)]
    sheet = agree(make_album(), [part(LEO, 10_000, "LABEL")])
    assert sheet.pairs == [(label.pk, 10_000)]


def test_a_person_who_closes_their_account_is_still_owed() -> None:
    album = make_album()
    sheet = agree(album)
    payee = leo().payees.get()
    User.objects.get(email=LEO).delete()
    payee.refresh_from_db()
    assert payee.user is None
    assert (payee.pk, 3_000) in splits.current(album).pairs
    signature = SplitSignature.objects.get(line__payee=payee)
    assert (signature.user, signature.name) == (None, "A Name")
    assert sheet.lines.count() == 3
    assert list(audit.of_splits()) == []


# --- labels


def test_a_label_is_a_line_and_the_album_says_so() -> None:
    album = make_album()
    agree(album, [part(NINA, 6_000, "ARTIST"), part(CHARLIE, 4_000, "LABEL", "Harbour Records")])
    album.refresh_from_db()
    assert (album.label, album.p_line) == ("Harbour Records", "2026 Harbour Records")


def test_a_label_may_be_paid_instead_of_the_artist() -> None:
    album = make_album()
    agree(album, [part(CHARLIE, 10_000, "LABEL", "Harbour Records")])
    assert splits.current(album).pairs == [(charlie().payees.get(kind="LABEL").pk, 10_000)]


def test_an_owner_who_is_the_label_is_paid_as_one() -> None:
    album = make_album()
    sheet = send(album, [part(NINA, 10_000, "LABEL", "Kit Records")])
    label = nina().payees.get(kind="LABEL")
    assert sheet.pairs == [(label.pk, 10_000)] and label.name == "Kit Records"


def test_what_an_artist_wrote_about_the_label_stays() -> None:
    album = make_album(label="Old Label", p_line="1999 Old Label")
    agree(album, [part(CHARLIE, 10_000, "LABEL")])
    album.refresh_from_db()
    assert (album.label, album.p_line) == ("Old Label", "1999 Old Label")


# --- signatures


def test_a_signature_says_who_when_and_what_and_never_changes() -> None:
    sheet = send(make_album())
    sign(sheet, LEO)
    signature = SplitSignature.objects.get(user=leo())
    lines = list(sheet.lines.all())
    assert (signature.name, signature.signed_at) == ("A Name", LATER)
    assert signature.fingerprint == sheet.fingerprint(lines)
    with pytest.raises(Immutable, match="cannot be changed"):
        signature.save()
    with pytest.raises(Immutable, match="cannot be taken back"):
        signature.delete()


@pytest.mark.parametrize("field", ["name", "role", "basis_points", "position"])
def test_its_fingerprint_follows_everything_that_was_signed(field: str) -> None:
    sheet = send(make_album())
    lines = list(sheet.lines.all())
    before = sheet.fingerprint(lines)
    setattr(lines[1], field, {"name": "Leon", "role": "LABEL", "basis_points": 3_001, "position": 9}[field])
    assert sheet.fingerprint(lines) != before


def test_a_second_click_signs_nothing_twice() -> None:
    sheet = send(make_album())
    sign(sheet, LEO)
    with pytest.raises(signing.AlreadySigned, match=r"You signed version 1 of “Night Bus” on 2 November 2026\. A sig"):
        sign(sheet, LEO)
    assert SplitSignature.objects.filter(line__sheet=sheet).count() == 2


def test_a_name_must_be_typed() -> None:
    sheet = send(make_album())
    with pytest.raises(signing.CannotSign, match="Type your name: it is your signature"):
        signing.sign(line_of(sheet, LEO).pk, user=leo(), name=" \u202e ", at=LATER)
    with pytest.raises(proposals.BadSplit, match="Type your name under the sheet"):
        signing.propose(make_album(), THREE, by=nina(), signed_as="", at=NOON)


def test_somebody_else_cannot_sign_with_the_link() -> None:
    sheet = send(make_album())
    with pytest.raises(signing.NotTheirs, match="sent to another address than yours, and you are signed in as max@"):
        sign(sheet, LEO, user=max_())
    assert not max_().payees.exists()


def test_an_address_is_confirmed_before_it_signs() -> None:
    make_user(LEO, is_confirmed=False)
    with pytest.raises(signing.NotTheirs, match="Confirm first that leo@demo.megabox.test is yours"):
        sign(send(make_album()), LEO)


def test_a_second_confirmed_address_signs_too_but_not_beside_the_first() -> None:
    EmailAddress.objects.create(user=leo(), email="Leo@Other.test", verified=True)
    album = make_album()
    sheet = send(album, [part(NINA, 5_000), part("leo@other.test", 5_000)])
    assert sign(sheet, "leo@other.test", user=leo()).is_signed
    sheet = send(album, [part(LEO, 5_000), part("leo@other.test", 5_000)], at=LATER)
    sign(sheet, LEO)
    with pytest.raises(signing.CannotSign, match="You stand in this sheet twice, with two addresses"):
        sign(sheet, "leo@other.test", user=leo())


# --- declining, withdrawing, waiting too long


def test_who_declines_says_why_and_is_forgotten() -> None:
    album = make_album()
    sheet = send(album)
    line = line_of(sheet, LEO)
    sign(sheet, CHARLIE)
    assert letters_to(LEO)
    signing.decline(line.pk, user=None, reason="We said 35 %.", at=LATER)
    sheet.refresh_from_db()
    assert (sheet.state, sheet.end_reason, sheet.shares) == ("DECLINED", "We said 35 %.", [])
    names = list(sheet.lines.values_list("name", "email"))
    assert names == [("Nina", ""), ("", ""), ("Charlie", "")], "who signed stays named, nobody's address stays"
    assert letters_to(LEO) == letters_to(CHARLIE) == []
    told = Mail.objects.get(to=NINA)
    assert told.subject == "The split of “Night Bus” was declined"
    assert "Leo declined version 1" in told.body and "We said 35 %." in told.body
    assert splits.current(album).pairs == [(album.artist.payee_id, 10_000)]
    with pytest.raises(signing.CannotSign, match="it was declined on 2 November 2026"):
        signing.sign(line.pk, user=leo(), name="Leo", at=LATER)


def test_declining_needs_a_reason_and_comes_before_signing() -> None:
    sheet = send(make_album())
    with pytest.raises(signing.CannotSign, match="Say in a few words"):
        signing.decline(line_of(sheet, LEO).pk, user=leo(), reason="  ", at=LATER)
    with pytest.raises(signing.NotTheirs):
        signing.decline(line_of(sheet, LEO).pk, user=max_(), reason="No.", at=LATER)
    sign(sheet, LEO)
    with pytest.raises(signing.AlreadySigned, match="cannot be taken back; if something should be different, ask"):
        signing.decline(line_of(sheet, LEO).pk, user=leo(), reason="No after all.", at=LATER)


def test_its_owner_withdraws_what_waits_and_nothing_else() -> None:
    album = make_album()
    sheet = send(album)
    pk = line_of(sheet, LEO).pk
    signing.withdraw(sheet, at=LATER)
    sheet.refresh_from_db()
    assert sheet.state == "WITHDRAWN"
    with pytest.raises(signing.CannotSign, match="it was withdrawn on 2 November 2026"):
        signing.sign(pk, user=leo(), name="Leo", at=LATER)
    with pytest.raises(signing.CannotSign, match="Version 1 does not wait any more: it was withdrawn"):
        signing.withdraw(sheet, at=LATER)
    signed = agree(album, at=LATER)
    with pytest.raises(signing.CannotSign, match="it is in force since"):
        signing.withdraw(signed, at=LATER)
    with pytest.raises(signing.CannotSign, match="it is in force since"):
        signing.remind(signed, at=LATER)


def test_what_is_not_signed_in_time_ends_and_whoever_did_not_sign_is_forgotten() -> None:
    sheet = send(make_album())
    pk = line_of(sheet, LEO).pk
    sign(sheet, CHARLIE)
    over = NOON + signing.TIME_TO_SIGN
    with pytest.raises(signing.CannotSign, match="could be signed until 2 December 2026"):
        signing.sign(pk, user=leo(), name="Leo", at=over)
    assert signing.follow(over - timedelta(seconds=1)) == 1, "a reminder"
    assert signing.expire(over) == 1
    assert signing.expire(over) == 0
    sheet.refresh_from_db()
    assert sheet.state == "EXPIRED"
    assert not SplitLine.objects.exclude(email="").exists()
    assert SplitLine.objects.get(pk=pk).name == ""
    assert letters_to(LEO) == []
    assert "Missing: Leo." in Mail.objects.get(to=NINA).body


def test_who_has_not_signed_is_reminded_every_ten_days_and_at_most_daily_by_the_owner() -> None:
    sheet = send(make_album())
    sign(sheet, CHARLIE)
    assert signing.remind_due(NOON + timedelta(days=9)) == 0
    assert signing.remind_due(NOON + timedelta(days=10)) == 1
    assert signing.remind_due(NOON + timedelta(days=10, hours=1)) == 0
    with pytest.raises(signing.CannotSign, match="less than a day ago"):
        signing.remind(sheet, at=NOON + timedelta(days=10, hours=2))
    assert signing.remind(sheet, at=NOON + timedelta(days=12)) == 1
    asked = "Nova Kit asks you to sign a split of “Night Bus”"
    assert letters_to(LEO) == [asked, f"Reminder: {asked}", f"Reminder: {asked}"]
    assert letters_to(CHARLIE) == [asked]


def test_nobody_is_reminded_of_what_was_declined_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet, ask = send(make_album()), split_letters.ask
    pk = line_of(sheet, CHARLIE).pk

    def ask_while_charlie_declines(line: SplitLine) -> None:
        if SplitSheet.objects.waiting().exists():
            signing.decline(pk, user=None, reason="No", at=NOON + timedelta(days=11))
        ask(line)

    monkeypatch.setattr(split_letters, "ask", ask_while_charlie_declines)
    signing.remind_due(NOON + timedelta(days=11))
    assert letters_to(CHARLIE) == []


def test_a_draft_that_is_deleted_takes_its_sheets_and_letters_along() -> None:
    album = make_album(published=False)
    make_track(album=album, published=False)
    sheet = send(album)
    pk = line_of(sheet, LEO).pk
    track = make_track(album=album, published=False)
    send(track)
    tracks.remove(track, NOON)
    assert letters_to(LEO) == ["Nova Kit asks you to sign a split of “Night Bus”"]
    albums.delete(album)
    assert not SplitSheet.objects.exists() and not Mail.objects.exists()
    with pytest.raises(signing.CannotSign, match="This sheet is gone: the draft it was about was deleted"):
        signing.sign(pk, user=leo(), name="Leo", at=LATER)


# --- letters and links


def test_a_letter_says_the_whole_deal_in_plain_words_with_a_link() -> None:
    sheet = send(make_album(price_micros=7_000_000, currency="EUR"))
    body = Mail.objects.get(to=LEO).body
    assert "Your part: 30 %, as performer. Of €7.00 paid for it, €6.30 go to the people in the sheet" in body
    assert "€1.89 of them to you" in body
    assert "It works until 2 December 2026" in body
    assert split_letters.token(line_of(sheet, LEO)) in body
    assert NINA not in body and CHARLIE not in body, "nobody's address is told to others"


def test_when_it_is_in_force_everybody_reads_it_and_addresses_of_the_version_before_go() -> None:
    album = make_album()
    first = agree(album)
    assert [letters_to(email)[-1] for email in (NINA, LEO, CHARLIE)] == ["The split of “Night Bus” is in force"] * 3
    assert first.lines.exclude(email="").count() == 3, "kept, to ask them again when something changes"
    agree(album, [part(NINA, 9_000), part(LEO, 1_000)], at=LATER)
    assert first.lines.exclude(email="").count() == 0
    assert letters_to(CHARLIE) == ["Your part of “Night Bus” is over"]


def test_who_is_left_out_of_the_next_version_is_told_and_keeps_what_was_earned() -> None:
    album = make_album()
    agree(album)
    send(album, [part(NINA, 10_000)], at=LATER)
    assert letters_to(LEO) == letters_to(CHARLIE) == ["Your part of “Night Bus” is over"]
    assert letters_to(NINA) == []
    body = Mail.objects.get(to=LEO).body
    assert "What was earned before stays shared as you signed it: 30 %" in body


def test_a_link_is_good_until_the_sheet_can_no_longer_be_signed() -> None:
    line = line_of(send(make_album()), LEO)
    token = split_letters.token(line)
    assert split_letters.read(token, LATER) == line.pk
    with pytest.raises(split_letters.BadLink, match="This link is over"):
        split_letters.read(token, NOON + signing.TIME_TO_SIGN)


@pytest.mark.parametrize("change", ["", "x", "cut", "swap"])
def test_a_forged_link_opens_nothing(change: str) -> None:
    sheet = send(make_album())
    token, other = split_letters.token(line_of(sheet, LEO)), split_letters.token(line_of(sheet, CHARLIE))
    forged = {"": "", "x": token + "x", "cut": token[:-4], "swap": other.split(":")[0] + token[token.index(":") :]}
    with pytest.raises(split_letters.BadLink, match="This link is not complete, or not from us"):
        split_letters.read(forged[change], LATER)


# --- what cannot be sent


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([part(NINA, 5_000), part(LEO, 4_999)], r"The parts of a split make 100 %; these make 99\.99 %"),
        ([part(NINA, 5_000), part(LEO, 5_001)], r"these make 100\.01 %"),
        ([part(NINA, 10_000), part(LEO, 0)], "more than 0 %"),
        ([part(NINA, 10_001), part(LEO, -1)], "more than 0 %"),
        ([], "between 1 and 50 people"),
        ([part(f"p{n}@x.test", 196) for n in range(51)], "between 1 and 50 people"),
        ([part(LEO, 5_000), part(LEO.upper(), 5_000)], "leo@demo.megabox.test stands there twice"),
        ([part(NINA, 5_000), part(f" {NINA} ", 5_000)], "nina@demo.megabox.test stands there twice"),
        ([part(f"{'l' * 240}@demo.megabox.test", 10_000)], "is no e-mail address"),
        ([part("l\u0435o@demo.megabox.test", 10_000)], "has a “\u0435” in it, which only looks like a plain letter"),
        ([part("leo@d\u0435mo.megabox.test", 10_000)], "has a “\u0435” in it"),
        ([part("\uff4ceo@demo.megabox.test", 10_000)], "only looks like a plain letter"),
        ([part("leo@demo\u200b.megabox.test", 10_000)], "only looks like a plain letter"),
        ([part("leo at home", 10_000)], "“leo at home” is no e-mail address"),
        ([part("leo@demo.megabox.test\nBcc: all@x.test", 10_000)], "is no e-mail address"),
        ([Part("\u202e", LEO, "OTHER", 10_000)], "Say who leo@demo.megabox.test is"),
        ([part(LEO, 10_000, "BOSS")], "Choose what Leo is: artist, writer, performer, producer, label, other"),
        ([part(LEO, 5_000, "LABEL"), part(CHARLIE, 5_000, "LABEL")], "names one label"),
    ],
    ids=[
        *("too-little", "too-much", "zero", "negative", "nobody", "fifty-one", "twice", "own-twice", "too-long"),
        *("cyrillic", "cyrillic-domain", "fullwidth", "zero-width", "no-address", "header", "no-name", "no-role"),
        "two-labels",
    ],
)
def test_what_is_no_split_is_refused_with_a_sentence(parts: Sequence[Part], sentence: str) -> None:
    album = make_album()
    with pytest.raises(proposals.BadSplit, match=sentence):
        send(album, parts)
    assert not SplitSheet.objects.exists() and not Mail.objects.exists()


def test_ones_own_second_address_is_oneself() -> None:
    EmailAddress.objects.create(user=nina(), email="kit@other.test", verified=True)
    with pytest.raises(proposals.BadSplit, match="You stand in this sheet twice"):
        send(make_album(), [part(NINA, 5_000), part("kit@other.test", 5_000)])
    assert send(make_album(), [part("kit@other.test", 10_000)]).is_signed


def test_names_and_addresses_are_made_clean() -> None:
    sheet = send(make_album(), [Part("  Leo \u202e Marten\x07 ", "  LEO@Demo.Megabox.Test ", "OTHER", 10_000)])
    line = sheet.lines.get()
    assert (line.name, line.email) == ("Leo Marten", LEO)


def test_an_owner_confirms_their_own_address_before_they_invite() -> None:
    EmailAddress.objects.filter(user=nina()).update(verified=False)
    with pytest.raises(proposals.BadSplit, match="Confirm your own e-mail address before you invite others"):
        send(make_album())
    assert send(make_album(), [part(NINA, 10_000)]).is_signed, "alone they invite nobody"


def test_an_owner_cannot_make_us_write_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "MOST_ASKED_A_DAY", 3)
    album = make_album()
    send(album)
    with pytest.raises(proposals.BadSplit, match="Your sheets wrote to 2 people today; 3 are the most"):
        send(album)
    assert send(album, at=NOON + timedelta(days=1, seconds=1)).version == 2


def test_drafts_that_were_deleted_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "MOST_ASKED_A_DAY", 3)
    draft = make_album(published=False)
    send(draft)
    albums.delete(draft)
    with pytest.raises(proposals.BadSplit, match="Your sheets wrote to 2 people today; 3 are the most"):
        send(make_album())
    assert send(make_album(), at=NOON + timedelta(days=1, seconds=1)).is_waiting


# --- what the database refuses, and what the audit sees


@pytest.mark.parametrize(
    "values",
    [{"in_force_at": None}, {"state": "DECLINED", "in_force_at": None}, {"state": "BOSS"}, {"version": 0}],
    ids=["signed-without-a-time", "ended-without-a-time", "unknown-state", "version-0"],
)
def test_the_database_refuses_a_sheet_that_cannot_be(values: dict[str, Any]) -> None:
    sheet = agree(make_album())
    with pytest.raises(IntegrityError), transaction.atomic():
        SplitSheet.objects.filter(pk=sheet.pk).update(**values)


def test_the_database_refuses_a_second_version_that_waits() -> None:
    album = make_album()
    send(album)
    with pytest.raises(IntegrityError), transaction.atomic():
        SplitSheet.objects.create(album=album, version=2, expires_at=MUCH_LATER)


def test_the_audit_sees_shares_that_nobody_signed() -> None:
    sheet = agree(make_album())
    SplitLine.objects.filter(sheet=sheet, email=LEO).update(name="Somebody else")
    assert [sentence for sentence in audit.of_splits() if "other contents" in sentence]
    SplitSignature.objects.filter(line__sheet=sheet, user=leo()).delete()
    assert [sentence for sentence in audit.of_splits() if "without the signature" in sentence]
    SplitSheet.objects.filter(pk=sheet.pk).update(shares=[[sheet.pairs[0][0], 10_000]])
    assert [sentence for sentence in audit.of_splits() if "otherwise than its lines" in sentence]
    waiting = send(make_album())
    SplitSheet.objects.filter(pk=waiting.pk).update(shares=[[1, 10_000]])
    assert [sentence for sentence in audit.of_splits() if "names shares, and is WAITING" in sentence]


def test_a_sheet_that_was_taken_over_needs_no_signature() -> None:
    make_sheet(make_album(), [(make_payee(), 10_000)], at=NOON)
    assert list(audit.of_splits()) == []


# --- two at once


@pytest.mark.django_db(transaction=True)
def test_two_who_sign_last_at_the_same_time_put_it_in_force_once() -> None:
    album = make_album()
    sheet = send(album)
    pks = [line_of(sheet, email).pk for email in (LEO, CHARLIE)]
    users = [leo(), charlie()]

    def press(number: int) -> bool:
        try:
            signing.sign(pks[number % 2], user=users[number % 2], name="A Name", at=LATER)
        except signing.AlreadySigned:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(press, range(6))) == 2
    sheet.refresh_from_db()
    assert sheet.is_signed and splits.current(album) == sheet
    assert SplitSignature.objects.filter(line__sheet=sheet).count() == 3
    assert Payee.objects.filter(user__in=users).count() == 2
    assert Mail.objects.filter(subject__contains="in force").count() == 3
    assert list(audit.of_splits()) == []


@pytest.mark.django_db(transaction=True)
def test_a_next_version_waits_for_the_last_signature_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last signature names the label on the album; whoever sends the next version holds the album first."""
    if connection.vendor == "sqlite":
        pytest.skip("rows are locked in PostgreSQL only")
    album = make_album()
    first = send(album, [part(NINA, 5_000), part(LEO, 5_000, "LABEL")])
    leo_user, name_label, is_signing = leo(), signing._name_label, threading.Event()

    def linger(*args: Any) -> None:
        is_signing.set()
        time.sleep(0.3)
        name_label(*args)

    def send_next() -> SplitSheet:
        try:
            is_signing.wait(5)
            return send(album, at=LATER)
        finally:
            connections.close_all()

    monkeypatch.setattr(signing, "_name_label", linger)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(send_next)
        assert sign(first, LEO, user=leo_user).is_signed
    assert second.result().is_waiting
    assert splits.current(album) == first
