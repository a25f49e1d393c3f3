"""Claiming a site: whoever shows that it is theirs gets what waits in its escrow.

A claim has a random token. Its maker puts it into a TXT record at `_megakey.{domain}`, which a person of the staff has
looked up before they confirm (`ads.megakey.records`), or into the file that is read anyway (`ads.megakey.optouts`),
which confirms it by itself as long as nobody else has the site. What the DNS says confirms nothing by itself.
"""

import logging
import secrets
from collections.abc import Collection
from datetime import datetime

from django.db import IntegrityError, transaction

from ads.megakey import sites
from ads.models import Site, SiteClaim
from artists.models import Payee
from users.models import User

MOST_OPEN = 20

log = logging.getLogger(__name__)


class BadClaim(Exception):
    """A claim that cannot be made or decided, with a sentence that says why."""


def claim(domain: str, payee: Payee, at: datetime) -> SiteClaim:
    """A claim on a site we know, for this payee; the one they made before, if there is one. Raises BadClaim."""
    try:
        name = sites.domain_of(domain)
    except sites.BadList as fault:
        raise BadClaim(str(fault)) from None
    site = Site.objects.filter(domain=name).first()
    if site is None:
        raise BadClaim(f"No ad was ever replaced on {name}, so nothing waits for it. Write to us to become a partner.")
    mine = SiteClaim.objects.filter(payee=payee).exclude(state=SiteClaim.State.REFUSED)
    if made := mine.filter(site=site).first():
        return made
    if mine.filter(state=SiteClaim.State.OPEN).count() >= MOST_OPEN:
        raise BadClaim(f"You have {MOST_OPEN} claims that are not shown yet. Show or drop some first.")
    try:
        with transaction.atomic():
            return SiteClaim.objects.create(site=site, payee=payee, token=secrets.token_urlsafe(24), made_at=at)
    except IntegrityError:
        return mine.get(site=site)


def confirm(made: SiteClaim, by: User, at: datetime) -> None:
    """Confirm a claim whose TXT record somebody of the staff has seen. Raises BadClaim.

    A site has one payee: who claims it later takes over what is not released yet, and the claim before is refused.
    """
    if made.payee.user_id == by.pk:
        raise BadClaim("This is your own claim. Somebody else of the staff decides it.")
    with transaction.atomic():
        before = SiteClaim.objects.filter(site=made.site_id, state=SiteClaim.State.CONFIRMED)
        before.update(state=SiteClaim.State.REFUSED, decided_by=by, decided_at=at)
        _decide(made, SiteClaim.State.CONFIRMED, at, by)
        Site.objects.filter(pk=made.site_id).update(payee=made.payee_id)


def refuse(made: SiteClaim, by: User, at: datetime) -> None:
    """Refuse a claim. Raises BadClaim."""
    _decide(made, SiteClaim.State.REFUSED, at, by)


def confirm_by_file(site: Site, tokens: Collection[str], at: datetime) -> bool:
    """Confirm the claim whose token stands in the site's own file, as long as nobody has the site yet.

    False, and nothing changes, when the staff decided on it this very moment: what a person says counts.
    """
    made = site.claims.filter(state=SiteClaim.State.OPEN, token__in=list(tokens)).order_by("pk").first()
    if made is None:
        return False
    try:
        with transaction.atomic():
            is_free = Site.objects.filter(pk=site.pk, payee=None).update(payee=made.payee_id) == 1
            if is_free:
                _decide(made, SiteClaim.State.CONFIRMED, at, None)
    except BadClaim as reason:
        log.info("The file of %s names a claim that cannot be confirmed by it: %s", site.domain, reason)
        return False
    return is_free


def _decide(made: SiteClaim, state: str, at: datetime, by: User | None) -> None:
    is_open = SiteClaim.objects.filter(pk=made.pk, state=SiteClaim.State.OPEN)
    if not is_open.update(state=state, decided_by=by, decided_at=at):
        raise BadClaim("This claim was decided before.")
