"""The list of sites: imported with a look first, signed for everybody alike, left at once by whoever opts out."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from ads import tokens
from ads.megakey import claiming, extension, fetching, optouts, sites
from ads.megakey.fetching import Page, Unreachable
from ads.models import Site, SiteClaim, SiteList, Wallet
from tests.ads.factories import NOON, make_ad
from tests.ads.test_escrow import make_site
from tests.ads.test_extension import browser, of_leo
from tests.artists.factories import make_artist
from tests.users.factories import PASSWORD, ada, leo, max_, nina
from users.models import User

pytestmark = pytest.mark.django_db
LIST = "/api/v1/megakey/sites"
HEAD = "domain,rank,months,category,partner\n"


@pytest.fixture(autouse=True)
def on(settings: Any) -> None:
    settings.MEGAKEY_REPLACES = True


def desk(user: User | None = None) -> Client:
    client = Client()
    client.force_login(user or ada())
    return client


def listed() -> list[str]:
    body = json.loads(sites.signed(NOON).body)
    return [site["domain"] for site in body["sites"]]


def answers(**pages: str) -> Any:
    """A net in which sites answer these pages (`file`, `page`), and 404 to all else."""

    def fetch(domain: str, path: str) -> Page:
        text = pages.get("file" if path == optouts.FILE else "page")
        return Page(404) if text is None else Page(200, text.encode())

    return fetch


# --- who is on it


@pytest.mark.parametrize(
    ("fields", "is_on"),
    [
        ({"rank": 1_000, "months": 3}, True),
        ({"rank": 1_001, "months": 30}, False),
        ({"rank": 5, "months": 2}, False),
        ({"rank": None, "months": 30}, False),
        ({"rank": None, "months": 0, "is_partner": True}, True),
        ({"rank": 5, "months": 9, "opted_out_at": NOON, "opted_out_by": "staff", "is_partner": True}, False),
        *[({"rank": 5, "months": 9, "is_partner": True, "category": kind}, False) for kind in Site.NEVER],
    ],
)
def test_only_large_sites_and_partners_are_listed_and_some_kinds_never(fields: dict[str, Any], *, is_on: bool) -> None:
    site = make_site(**fields)
    assert Site.objects.listed().exists() is is_on is site.is_listed


# --- signed


def test_the_signature_is_right_by_another_implementation(tmp_path: Path) -> None:
    """OpenSSL's command line, with nothing but the public key and the answer."""
    openssl = shutil.which("openssl")
    if openssl is None:
        assert not os.environ.get("CI"), "The signature is checked by OpenSSL's command line: install openssl."
        pytest.skip("NOT TESTED: the signature, by another implementation. Install openssl.")
    make_site()
    told = Client().get(LIST).json()
    assert told["algorithm"] == "Ed25519"
    der = bytes.fromhex("302a300506032b6570032100") + base64.b64decode(sites.public_key())  # RFC 8410
    (tmp_path / "key").write_bytes(der)
    (tmp_path / "signature").write_bytes(base64.b64decode(told["signature"]))

    def is_right(text: str) -> bool:
        (tmp_path / "list").write_bytes(text.encode())
        asked = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-keyform", "DER", "-rawin"]
        rest = ["-in", "list", "-sigfile", "signature"]
        return subprocess.run([*asked, *rest], cwd=tmp_path, capture_output=True, check=False).returncode == 0

    assert is_right(told["list"])
    assert not is_right(told["list"].replace("news.example", "evil.example"))


def test_everybody_gets_the_same_list_and_may_keep_it() -> None:
    make_site()
    answer, mine = Client().get(LIST), browser().get(LIST)
    assert answer.content == mine.content
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer.cookies == {}


def test_the_version_grows_only_when_the_sites_change() -> None:
    make_site()
    assert [sites.publish(NOON).version for _ in range(2)] == [1, 1]
    sites.opt_out(make_site("two.example"), Site.OptOut.STAFF, NOON)
    assert sites.publish(NOON).version == 1, "it never was on a version"
    make_site("three.example")
    assert sites.publish(NOON).version == 2
    assert SiteList.objects.count() == 2


def test_while_it_is_off_there_is_no_list_and_no_offer(settings: Any) -> None:
    settings.MEGAKEY_REPLACES = False
    make_ad()
    site = make_site()
    assert Client().get(LIST).status_code == 404
    with pytest.raises(extension.NotReplaced, match="switched off"):
        extension.offer(of_leo(), NOON, site_id=site.pk)


# --- offers


def test_an_offer_on_a_site_shares_with_it_and_says_what_the_wallet_earns() -> None:
    make_ad()
    site = make_site()
    answer = browser().post("/api/v1/megakey/offers", {"site": site.pk}, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["earns_micros"] == 4_200
    offered = tokens.verify(answer.json()["token"])
    assert (offered.shares, offered.beneficiary.split(":")[:2]) == (((site.pk, 3_000),), ["megakey", str(site.pk)])


def test_one_open_offer_counts_across_sites_and_own_surfaces() -> None:
    make_ad()
    client, site = browser(), make_site()
    assert client.post("/api/v1/megakey/offers", content_type="application/json").status_code == 200
    answer = client.post("/api/v1/megakey/offers", {"site": site.pk}, content_type="application/json")
    assert answer.status_code == 409
    assert "seen or is over" in answer.json()["detail"]


@pytest.mark.parametrize("site", [0, -1, "x", 2**63, [], {}])
def test_what_is_no_site_is_refused(site: Any) -> None:
    answer = browser().post("/api/v1/megakey/offers", {"site": site}, content_type="application/json")
    assert answer.status_code == 400


def test_nothing_is_offered_on_a_site_that_is_not_listed() -> None:
    make_ad()
    site = make_site(category=Site.Category.HEALTH)
    answer = browser().post("/api/v1/megakey/offers", {"site": site.pk}, content_type="application/json")
    assert answer.status_code == 403
    assert Wallet.objects.filter(open_offer__isnull=False).count() == 0


# --- opting out


@pytest.mark.parametrize(
    ("pages", "how"),
    [
        ({"file": '{"replace": false}'}, "file"),
        ({"page": '<html><head><META NAME="megakey" content="no-replace"></head>'}, "meta"),
        ({"file": '{"replace": true}', "page": "<meta name='megakey' content='x, no-replace'>"}, "meta"),
        ({"page": "<![if no browser]><meta name='megakey' content='no-replace'><![endif]>"}, "meta"),
        ({"page": "<![x[ ]]><meta name='megakey' content='no-replace'>"}, "meta"),
        ({"file": '{"replace": false, "claims": ["\\u0000", "\\ud800", {}, "x"]}'}, "file"),
    ],
)
def test_an_opt_out_is_honoured_at_once(pages: dict[str, str], how: str) -> None:
    make_ad()
    site = make_site()
    assert listed() == ["news.example"]
    assert optouts.check(site.pk, NOON, answers(**pages))
    site.refresh_from_db()
    assert (site.opted_out_by, site.opted_out_at, listed()) == (how, NOON, [])
    with pytest.raises(extension.NotReplaced):
        extension.offer(of_leo(), NOON, site_id=site.pk)
    assert not optouts.check(site.pk, NOON, answers()), "a file that is gone lifts nothing"
    assert listed() == []


@pytest.mark.parametrize(
    "pages",
    [
        {},
        {"file": "{"},
        {"file": "[]"},
        {"file": '{"replace": 0}'},
        {"file": "[" * 60_000},
        {"file": "\x00\xff", "page": "<meta name=megakey"},
        {"page": '<meta name="robots" content="no-replace">'},
    ],
)
def test_what_says_nothing_changes_nothing(pages: dict[str, str]) -> None:
    site = make_site()
    assert not optouts.check(site.pk, NOON, answers(**pages))
    assert listed() == ["news.example"]


def test_a_site_that_cannot_be_asked_stays_and_the_desk_reads_why() -> None:
    def fetch(domain: str, path: str) -> Page:
        raise Unreachable("It is night there.")

    site = make_site()
    assert not optouts.check(site.pk, NOON, fetch)
    assert listed() == ["news.example"]
    assert "It is night there." in desk().get("/desk/megakey/").content.decode()


def test_what_a_site_answers_instead_of_http_is_told_without_what_is_no_text() -> None:
    def fetch(domain: str, path: str) -> Page:
        raise Unreachable("UnknownProtocol: HTTP/9\0\ud800")

    site = make_site()
    assert not optouts.check(site.pk, NOON, fetch)
    site.refresh_from_db()
    assert site.problem == "UnknownProtocol: HTTP/9??"


def test_the_desk_finds_no_site_by_what_no_name_holds() -> None:
    make_site()
    assert "news.example" in desk().get("/desk/megakey/", {"q": "news\0"}).content.decode()


def test_each_site_is_asked_once_a_day_and_only_if_it_matters() -> None:
    site, claimed = make_site(), make_site("small.example", rank=None)
    make_site("never.example", category=Site.Category.CHILDREN)
    claiming.claim("small.example", make_artist().payee, NOON)
    assert optouts.due(NOON) == [site.pk, claimed.pk]
    for pk in (site.pk, claimed.pk):
        optouts.check(pk, NOON, answers())
    assert optouts.due(NOON + timedelta(hours=23)) == []
    assert optouts.due(NOON + timedelta(hours=24)) == [site.pk, claimed.pk]


INSIDE = """
    127.0.0.1 10.0.0.8 192.168.1.1 172.16.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ::1 ::
    fe80::1 fe80::1%eth0 fc00::1 ff02::1 ::ffff:127.0.0.1 2002:7f00:1:: 64:ff9b::7f00:1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 64:ff9b:1::7f00:1 ::127.0.0.1 ::ffff:0:127.0.0.1 fec0::1 5f00::1 3fff::1
    192.0.0.8 192.88.99.1
"""


@pytest.mark.parametrize("address", INSIDE.split())
def test_no_address_inside_is_ever_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for found in ([address], ["93.184.215.14", address]):
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *_, found=found, **__: [(0, 0, 0, "", (one, 443)) for one in found]
        )
        with pytest.raises(Unreachable, match="not public"):
            fetching.fetch("inside.example", "/")


@pytest.mark.parametrize(
    "location",
    [
        "http://news.example/",
        "https://other.example/",
        "https://news.example:8443/",
        "https://a@news.example/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "https://[news.example/",
        "https://news.example\u2100/",
        "/again",
    ],
)
def test_redirects_lead_nowhere_else_and_not_round_in_rings(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get(host: str, path: str, ends_at: float) -> tuple[Page, str]:
        asked.append(host)
        return Page(302), location

    monkeypatch.setattr(fetching, "_get", get)
    with pytest.raises(Unreachable, match="sends us"):
        fetching.fetch("news.example", "/")
    assert set(asked) == {"news.example"}


# --- importing


def test_the_desk_sees_what_would_change_before_it_does() -> None:
    make_site(rank=10, months=12)
    text = f"{HEAD}news.example,20,12,general,no\nHTTPS.example,30,4,Health,yes\nbücher.example,7,5,,\n"
    file = SimpleUploadedFile("sites.csv", text.encode(), "text/csv")
    answer = desk().post("/desk/megakey/import/", {"file": file, "do": "try"})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert ("New: 2" in page, "Changed: 1" in page, "xn--bcher-kva.example" in page) == (True, True, True)
    assert Site.objects.get().rank == 10, "nothing was written"
    said = desk().post("/desk/megakey/import/", {"text": text, "do": "import"}, follow=True).content.decode()
    assert "Imported: 3 sites new or changed." in said
    assert listed() == ["news.example", "xn--bcher-kva.example"]
    assert sites.plan(text).same == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nodots,1,1,general,no", "is no domain"),
        ("a..example,1,1,general,no", "is no domain"),
        ("127.0.0.1,1,1,general,no", "is no domain"),
        ("a.example/x,1,1,general,no", "is no domain"),
        ("a.example:80,1,1,general,no", "is no domain"),
        ("a.example,0,1,general,no", "is no rank"),
        ("a.example,x,1,general,no", "is no rank"),
        ("a.example,1,-1,general,no", "is no months"),
        ("a.example,1,1,gossip,no", "is no category"),
        ("a.example,1,1,general,maybe", "neither yes nor no"),
        ("a.example,1,1,general,no\nA.example,1,1,general,no", "is in the file twice"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_nothing_is_imported(line: str, said: str) -> None:
    answer = desk().post(
        "/desk/megakey/import/", {"text": f"{HEAD}good.example,1,1,general,no\n{line}", "do": "import"}
    )
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert "good.example" in answer.content.decode(), "what was pasted is still there"
    assert Site.objects.count() == 0


@pytest.mark.parametrize("text", ["", " ", "a,b\n1,2", 'domain,rank,months,category,partner\n"' + "x" * 200_000])
def test_what_is_no_such_file_is_told_so(text: str) -> None:
    assert desk().post("/desk/megakey/import/", {"text": text, "do": "import"}).status_code == 422


def test_an_import_lifts_no_opt_out() -> None:
    site = make_site()
    desk().post(f"/desk/megakey/{site.pk}/out/")
    sites.apply(sites.plan(f"{HEAD}news.example,1,99,general,yes"), NOON)
    assert listed() == []
    desk().post(f"/desk/megakey/{site.pk}/in/")
    assert listed() == ["news.example"]


# --- claiming


def test_a_person_of_the_staff_confirms_what_they_saw_in_the_record() -> None:
    site, payee = make_site(), make_artist().payee
    client = desk(nina())
    said = client.post("/megakey/sites/", {"domain": "www.News.example", "payee": payee.pk}, follow=True)
    made = SiteClaim.objects.get()
    assert made.record in said.content.decode()
    page = desk().get("/desk/megakey/").content.decode()
    assert f"_megakey.{site.domain}" in page
    assert made.record in page
    desk().post(f"/desk/megakey/claims/{made.pk}/confirm/")
    site.refresh_from_db()
    assert site.payee == payee
    assert "decided before" in desk().post(f"/desk/megakey/claims/{made.pk}/refuse/", follow=True).content.decode()


def test_the_sites_own_file_confirms_a_claim_unless_somebody_has_the_site() -> None:
    site, payee, other = make_site(), make_artist().payee, make_artist().payee
    mine, theirs = claiming.claim("news.example", payee, NOON), claiming.claim("news.example", other, NOON)
    optouts.check(site.pk, NOON, answers(file=json.dumps({"claims": ["x", 7, mine.token]})))
    optouts.check(site.pk, NOON, answers(file=json.dumps({"claims": [theirs.token]})))
    site.refresh_from_db()
    theirs.refresh_from_db()
    assert (site.payee, theirs.state) == (payee, "OPEN")


def test_a_claim_that_the_staff_refuse_while_its_file_is_read_stays_refused_and_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, made = make_site(), claiming.claim("news.example", make_artist().payee, NOON)
    decide = claiming._decide

    def refused_just_now(one: SiteClaim, *decision: Any) -> None:
        SiteClaim.objects.filter(pk=one.pk).update(state=SiteClaim.State.REFUSED, decided_at=NOON)
        decide(one, *decision)

    monkeypatch.setattr(claiming, "_decide", refused_just_now)
    assert not optouts.check(site.pk, NOON, answers(file=json.dumps({"claims": [made.token]})))
    site.refresh_from_db()
    assert site.payee is None


def test_nobody_claims_for_anothers_payee_nor_confirms_their_own_claim() -> None:
    make_site()
    payee = make_artist().payee
    assert desk(leo()).post("/megakey/sites/", {"domain": "news.example", "payee": payee.pk}).status_code == 422
    made = claiming.claim("news.example", payee, NOON)
    payee.user = ada()
    payee.save()
    made.payee.refresh_from_db()
    assert "your own claim" in desk().post(f"/desk/megakey/claims/{made.pk}/confirm/", follow=True).content.decode()
    claiming.confirm(SiteClaim.objects.get(), max_(), NOON)


def test_deciding_on_a_claim_asks_for_a_fresh_sign_in(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever confirms a claim says who gets the site's money."""
    made = claiming.claim(make_site().domain, make_artist().payee, NOON)
    client = Client()
    client.post("/accounts/login/", {"login": ada().email, "password": PASSWORD})
    settings.STAFF_MFA = "required"
    monkeypatch.setattr("users.access.is_mfa_enabled", lambda user: True)
    now = time.time()
    monkeypatch.setattr("users.freshness.time.time", lambda: now + 3_600)
    for verb in ("confirm", "refuse"):
        answer = client.post(f"/desk/megakey/claims/{made.pk}/{verb}/")
        assert answer.status_code == 302
        assert "reauthenticate" in answer.headers["Location"]
    made.refresh_from_db()
    assert made.state == "OPEN"
    monkeypatch.setattr("users.freshness.time.time", lambda: now)
    assert client.post(f"/desk/megakey/claims/{made.pk}/confirm/").headers["Location"] == "/desk/megakey/"
    made.refresh_from_db()
    assert made.state == "CONFIRMED"


def test_a_site_we_do_not_know_has_nothing_to_claim() -> None:
    with pytest.raises(claiming.BadClaim, match="Write to us"):
        claiming.claim("unknown.example", make_artist().payee, NOON)
    with pytest.raises(claiming.BadClaim, match="no domain"):
        claiming.claim("http://", make_artist().payee, NOON)


def test_who_claims_a_site_has_its_file_read_now_but_not_twice_in_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    site = make_site()
    made = claiming.claim("news.example", make_artist().payee, NOON)
    asked: list[int] = []
    monkeypatch.setattr("ads.pages.megakey.nudge", lambda task, site_id: asked.append(site_id))
    page = f"/megakey/sites/{made.pk}/ask/"
    assert desk(leo()).post(page).status_code == 404, "another's claim"
    assert "is asked now" in desk(nina()).post(page, follow=True).content.decode()
    Site.objects.update(checked_at=timezone.now())
    assert "a moment ago" in desk(nina()).post(page, follow=True).content.decode()
    assert asked == [site.pk]


def test_a_site_goes_over_to_who_shows_later_that_it_is_theirs() -> None:
    site, first, second = make_site(), make_artist().payee, make_artist().payee
    claims = [claiming.claim("news.example", payee, NOON) for payee in (first, second)]
    for made in claims:
        claiming.confirm(made, max_(), NOON)
    site.refresh_from_db()
    assert site.payee == second
    assert list(SiteClaim.objects.order_by("pk").values_list("state", flat=True)) == ["REFUSED", "CONFIRMED"]


def test_that_a_site_was_asked_is_noted_before_so_one_that_hangs_keeps_nobody_waiting() -> None:
    site = make_site()
    asked: list[str] = []

    def fetch(domain: str, path: str) -> Page:
        asked.append(path)
        if len(asked) == 1:
            assert optouts.due(NOON) == [], "noted before it is asked"
        return Page(404)

    optouts.check(site.pk, NOON, fetch)
    assert asked == [optouts.FILE, "/"]
    assert optouts.due(NOON) == []
