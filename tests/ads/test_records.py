"""The TXT record of a claimed site is asked of real resolvers over UDP: tiny ones, on this machine."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from django.conf import LazySettings
from django.test import Client

from ads.megakey import claiming, records
from ads.models import SiteClaim
from tests.ads.factories import NOON
from tests.ads.test_escrow import make_site
from tests.artists.factories import make_artist
from tests.users.factories import ada, leo

pytestmark = pytest.mark.django_db


class Resolver:
    """A name server on a port of this machine that answers every question alike; `says` is a list of TXT strings."""

    def __init__(self, says: list[str] | str) -> None:
        self.says, self.asked = says, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.name = f"127.0.0.1#{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                data, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            self.asked += 1
            answer = self._answer(dns.message.from_wire(data))
            if answer is not None:
                self.socket.sendto(answer, sender)

    def _answer(self, question: Any) -> bytes | None:
        made = dns.message.make_response(question)
        made.flags |= dns.flags.RA
        if self.says == "silence":
            return None
        if self.says == "noise":
            return b"\\x00" * 7
        if isinstance(self.says, str):
            made.set_rcode(dns.rcode.from_text(self.says))
        elif self.says:
            made.answer.append(dns.rrset.from_text_list(question.question[0].name, 60, "IN", "TXT", self.says))
        return bytes(made.to_wire())

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()


@pytest.fixture
def net(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Resolvers that say what they are told to."""
    monkeypatch.setattr(records, "SECONDS", 0.4)
    running: list[Resolver] = []

    def start(*says: list[str] | str) -> list[Resolver]:
        running.extend(Resolver(one) for one in says)
        settings.MEGAKEY_RESOLVERS = [one.name for one in running]
        return running

    yield start
    for one in running:
        one.close()


@pytest.fixture
def claim() -> SiteClaim:
    return claiming.claim(make_site().domain, make_artist().payee, NOON)


def right(claim: SiteClaim) -> list[str]:
    return ['"v=spf1 -all"', f'"{claim.record[:10]}" "{claim.record[10:]}"']


def test_a_record_that_all_resolvers_have_is_there_however_it_is_cut(net: Any, claim: SiteClaim) -> None:
    started = net(right(claim), right(claim), right(claim))
    assert records.look_up(claim.pk, NOON) is True
    claim.refresh_from_db()
    assert (claim.looked_up_at, claim.is_in_dns, claim.state) == (NOON, True, "OPEN"), "a person decides"
    assert claim.answers == ["127.0.0.1: the record is there."] * 3
    assert [one.asked for one in started] == [1, 1, 1]


@pytest.mark.parametrize(
    ("says", "is_there", "sentence"),
    [
        ("NXDOMAIN", False, "there is no name _megakey.news.example"),
        ([], False, "has no TXT record"),
        ("SERVFAIL", None, "could not say (SERVFAIL or REFUSED)"),
        ("REFUSED", None, "could not say (SERVFAIL or REFUSED)"),
        ("silence", None, "did not answer within"),
        ("noise", None, "127.0.0.1: it"),
        (['"megakey-claim=of somebody else"'], False, "is not there, but “megakey-claim=of somebody else”"),
        (['"\\007\\200<script>"'], False, "“?�<script>”"),
    ],
)
def test_whatever_a_resolver_says_is_a_sentence(
    net: Any, claim: SiteClaim, says: Any, is_there: bool | None, sentence: str
) -> None:
    (one,) = net(says)
    answer = records.ask("news.example", claim.record, one.name)
    assert answer.is_there is is_there
    assert sentence in answer.sentence


@pytest.mark.parametrize(
    ("others", "is_there"),
    [
        ((["right"], "SERVFAIL"), True),
        (("SERVFAIL", "silence"), None),
        ((["right"], "NXDOMAIN"), False),
        ((["right"], ['"other"']), False),
    ],
)
def test_two_must_answer_and_all_that_do_must_have_seen_it(
    net: Any, claim: SiteClaim, others: tuple[Any, ...], is_there: bool | None
) -> None:
    net(right(claim), *(right(claim) if one == ["right"] else one for one in others))
    assert records.look_up(claim.pk, NOON) is is_there
    claim.refresh_from_db()
    assert (claim.is_in_dns, len(claim.answers)) == (is_there, 3)


def test_the_staff_press_read_what_was_answered_and_decide(
    net: Any, claim: SiteClaim, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    net(right(claim), "NXDOMAIN")
    monkeypatch.setattr("ads.desk.sites.nudge", lambda task, pk: task(pk))
    client.force_login(ada())
    assert "It was not looked up yet." in client.get("/desk/megakey/").content.decode()
    page = client.post(f"/desk/megakey/claims/{claim.pk}/look-up/", follow=True).content.decode()
    assert "It was not there" in page
    assert "127.0.0.1: the record is there." in page
    assert "127.0.0.1: there is no name _megakey.news.example." in page
    client.post(f"/desk/megakey/claims/{claim.pk}/refuse/")
    assert client.post(f"/desk/megakey/claims/{claim.pk}/look-up/").status_code == 404, "it is decided"
    client.force_login(leo())
    assert client.post(f"/desk/megakey/claims/{claim.pk}/look-up/").status_code == 403


def test_a_resolver_that_is_not_there_is_a_sentence_too() -> None:
    for resolver in ("127.0.0.1#1", "not an address", "127.0.0.1#none"):
        assert records.ask("news.example", "x", resolver).is_there is None
