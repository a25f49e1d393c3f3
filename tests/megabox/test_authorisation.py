"""Who may open what: every address of the map has a rule here, and every rule is tried by everybody.

A new address without a rule fails `test_every_address_has_a_rule`. Other people's objects are tried in the tests of
the rooms.
"""

import uuid
from collections.abc import Iterator
from enum import Enum

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, UUIDConverter

from tests.users.factories import acme, ada, leo, nina

pytestmark = pytest.mark.django_db

LIBRARIES = ("admin:", "account_", "mfa_", "headless", "api_docs", "schema")
"""Addresses of Django's admin, django-allauth and drf-spectacular, which guard themselves."""


class Who(Enum):
    """Who may open an address."""

    ANYONE = {"anonymous", "listener", "artist", "advertiser", "staff"}
    SIGNED_IN = {"listener", "artist", "advertiser", "staff"}
    ARTIST = {"artist"}
    ADVERTISER = {"advertiser"}
    STAFF = {"staff"}
    PAIRED = frozenset[str]()
    """Only a browser that shows the token of its pairing: no session opens it."""


RULES: dict[str, Who] = {
    name: who
    for who, names in {
        # A file's link is signed and bound to its listener; ad events bring signed tokens; `/advertise/` tells
        # strangers what advertising here is. Guests play, watch, buy and have a wallet, found by their session.
        # The link in a letter shows a split to whoever got it, and declines it.
        Who.ANYONE: """
            artists:sign artists:decline
            healthz me privacy file public_file styleguide ads:events ads:slot ads:spot ads:overview
            store:home store:search store:artist store:album store:track store:buy_block store:cart store:cart_add
            store:cart_remove store:cart_buy store:order store:order_again store:stripe_webhook store:library
            store:redeem store:download store:wallet store:wallet_csv store:get_track store:get_album store:gate
            store:gate_start store:gate_viewed store:gate_state store:gate_receipt store:gate_file store:stream
            store:plays store:make store:cart_code store:cart_code_drop ads:megakey_pair ads:megakey_sites
            store:preorder store:preorder_cancel
            api-artist-list api-artist-detail api-album-list api-album-detail api-track-list api-track-detail
        """,
        # Whoever signs in may become an artist or an advertiser.
        Who.SIGNED_IN: """
            artists:index artists:start artists:my_splits artists:split_sheet ads:advertiser_new ads:megakey
            ads:megakey_revoke ads:site_claims ads:site_ask
        """,
        Who.PAIRED: "ads:megakey_wallet ads:megakey_offer",
        Who.ARTIST: """
            artists:new_artist artists:artist artists:artist_picture artists:new_album artists:album artists:words
            artists:cover artists:price artists:rights artists:discard artists:cover_words
            artists:import artists:sheet artists:sheet_preview artists:sheet_make artists:sheet_delete
            artists:exports artists:export artists:export_artist artists:export_album artists:export_zip
            artists:credits artists:many_tracks artists:order_tracks artists:simulation
            artists:preview artists:publish artists:withdraw artists:delete_album artists:tracks
            artists:upload artists:uploads artists:upload_status artists:retry_upload artists:dismiss_upload
            artists:transfers artists:transfer artists:unfinished artists:decide_twin artists:drop_album
            artists:track artists:move_track artists:remove_track artists:retry_track
            store:codes store:new_batch store:batch store:stop_batch store:cards store:batch_csv
            store:new_discount store:discount store:stop_discount store:discount_csv
            artists:splits artists:track_splits artists:withdraw_split artists:remind_split
            artists:dismiss_remarks store:stats store:stats_csv store:stats_xlsx store:prices
            ads:artist_report ads:artist_report_csv ads:artist_report_xlsx
            ads:promotions ads:promotion_new ads:promotion ads:promotion_edit ads:promotion_csv ads:promotion_do
            payouts:earnings payouts:choose_threshold payouts:line payouts:statement payouts:statement_csv
            payouts:statement_xlsx payouts:issued payouts:issue payouts:issued_file payouts:pool
            payouts:set_up payouts:set_up_again payouts:set_up_done payouts:bank payouts:use_stripe
        """,
        Who.ADVERTISER: """
            ads:campaign_new ads:campaign ads:campaign_edit ads:report ads:report_csv ads:report_xlsx ads:ad_new
            ads:campaign_do ads:campaign_step ads:campaign_sum ads:ad_edit ads:ad_delete store:deposit
            store:give_back
        """,
        Who.STAFF: """
            store:reconciliation store:reconcile store:balance_transaction store:decide store:take_back
            store:by_hand store:pay_vat
            store:disputes store:dispute store:owed store:write_off store:withhold
            desk desk_books desk_check_books desk_audit_run desk_audit_progress desk_export_books
            desk_export desk_export_progress desk_export_zip
            ads:house ads:house_new ads:house_campaign ads:house_edit ads:house_ad_new ads:house_do ads:house_ad
            ads:house_ad_delete
            ads:traffic ads:invalidate ads:invalidation ads:invalidation_progress ads:stop_invalidation ads:decide_spike
            ads:unblock ads:decisions ads:decision ads:retry_invalidation
            ads:sites ads:sites_import ads:site_do ads:site_decide ads:site_look_up
            ads:review ads:approve ads:refuse payouts:runs payouts:open_run payouts:blocks
            payouts:place_block payouts:lift_block payouts:run payouts:run_progress payouts:prepare payouts:approve
            payouts:pause payouts:resume payouts:issue_file payouts:payout_file payouts:confirm_file payouts:payout
            payouts:retry payouts:release payouts:confirm_payout payouts:come_back
            payouts:cancel payouts:execute payouts:run_csv payouts:run_xlsx
            payouts:any_issued_file desk_entry desk_posting desk_source desk_group desk_view desk_payout
            desk_reports desk_report desk_report_csv desk_report_xlsx
        """,
    }.items()
    for name in names.split()
}
PEOPLE = {"listener": leo, "artist": nina, "advertiser": acme, "staff": ada}


def addresses(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of ours with its full name."""
    for pattern in (resolver or get_resolver("megabox.urls")).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern, inner)
        elif not f"{namespace}{pattern.name}".startswith(LIBRARIES):
            yield f"{namespace}{pattern.name}", pattern


ADDRESSES = dict(addresses())


def path_of(name: str) -> str:
    """The address with arguments that name nothing."""
    samples = {UUIDConverter: uuid.uuid4(), IntConverter: 987_654}
    converters = ADDRESSES[name].pattern.converters
    defaults = ADDRESSES[name].default_args or {}
    arguments = {key: samples.get(type(one), "nothing") for key, one in converters.items()}
    return reverse(name, kwargs={**arguments, **defaults})


def answers(client: Client, path: str) -> list[HttpResponseBase]:
    """What GET and POST answer, without those the view does not take."""
    both = [client.get(path), client.post(path)]
    return [answer for answer in both if answer.status_code != 405]


def is_turned_away(answer: HttpResponseBase) -> bool:
    to = answer.headers.get("Location", "")
    return answer.status_code in (401, 403) or (answer.status_code == 302 and to.startswith("/accounts/login/"))


def test_every_address_has_a_rule() -> None:
    assert sorted(set(ADDRESSES) - set(RULES)) == []
    assert sorted(set(RULES) - set(ADDRESSES)) == []


@pytest.mark.parametrize("name", sorted(RULES))
def test_only_those_it_is_for_get_in(name: str) -> None:
    path = path_of(name)
    for person in ("anonymous", *PEOPLE):
        client = Client()
        if person != "anonymous":
            client.force_login(PEOPLE[person]())
        for answer in answers(client, path):
            if person in RULES[name].value:
                is_for_ever_signed = name == "file"  # nobody can make up a signed link
                assert not is_turned_away(answer) or is_for_ever_signed, f"{person} is turned away from {path}"
            else:
                assert is_turned_away(answer), f"{person} gets {answer.status_code} from {path}"
