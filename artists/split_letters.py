"""What people are written about split sheets, and the signed links in it that lead to the sheet."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string
from django.urls import reverse

from artists import splits
from artists.models import SplitLine, SplitSheet
from users import mail

_SALT = "artists.split_letters"


class BadLink(Exception):
    """The link leads nowhere; the message says what to do."""


def link(line: SplitLine) -> str:
    """The address where whoever got the letter sees the sheet, as long as it can be signed."""
    return f"{settings.SITE_URL}{reverse('artists:sign', args=[token(line)])}"


def token(line: SplitLine) -> str:
    """The signed part of the link: which line, and until when."""
    until = line.sheet.expires_at
    return signing.Signer(salt=_SALT).sign_object({"line": line.pk, "until": until.timestamp() if until else 0})


def read(signed: str, at: datetime) -> int:
    """The id of the line that a link names. Raises BadLink when we did not make it, or it is too old."""
    try:
        named = signing.Signer(salt=_SALT).unsign_object(signed)
    except signing.BadSignature:
        raise BadLink(
            "This link is not complete, or not from us. Open it again from the letter, and copy all of it."
        ) from None
    if named["until"] <= at.timestamp():
        raise BadLink(
            "This link is over. If you signed, sign in: the sheet is in your studio under Splits. "
            "If you did not, ask whoever invited you to send the sheet again."
        )
    return int(named["line"])


def ask(line: SplitLine) -> None:
    """Ask somebody to sign; from the second time on it is a reminder."""
    sheet, version = line.sheet, splits.told(line.sheet)
    context = {
        "version": version,
        "part": next(one.part for one in version.lines if one.line.pk == line.pk),
        "link": link(line),
        "is_reminder": line.letters > 1,
    }
    subject = f"{'Reminder: ' if line.letters > 1 else ''}{_inviter(sheet)} asks you to sign a split of “{sheet.thing}”"
    _send(line.email, subject, "asked", line, context, str(line.letters))


def in_force(sheet: SplitSheet) -> None:
    """Tell everybody that the last of them signed, the owner too."""
    owner = sheet.by
    if owner is not None and not sheet.lines.filter(email=owner.email.lower()).exists():
        body = render_to_string("artists/mail/split_whole.txt", {"sheet": sheet, "page": _studio(sheet)})
        mail.queue(owner.email, f"The split of “{sheet.thing}” is in force", body, key=f"split-whole:{sheet.pk}")
    for line in sheet.lines.exclude(email="").select_related("sheet"):
        _send(line.email, f"The split of “{sheet.thing}” is in force", "in_force", line, {}, "force")


def left(sheet: SplitSheet, before: SplitSheet | None) -> None:
    """Tell whoever stood in the version before this one and does not stand in it that their part is over."""
    if before is None:
        return
    gone = before.lines.exclude(payee__in=sheet.lines.values("payee")).exclude(payee__user=sheet.by)
    for line in gone.exclude(payee__user=None).select_related("payee__user"):
        user = line.payee.user if line.payee else None
        assert user is not None, "the others were left out"
        context = {"line": line, "sheet": sheet, "page": f"{settings.SITE_URL}{reverse('artists:my_splits')}"}
        body = render_to_string("artists/mail/split_left.txt", context)
        key = f"split-left:{sheet.pk}:{line.pk}"
        mail.queue(user.email, f"Your part of “{sheet.thing}” is over", body, key=key)


def ended(sheet: SplitSheet, who: list[str]) -> None:
    """Tell the owner that a version will never be in force: `who` declined it, or did not sign it in time."""
    if sheet.by is None:
        return
    what = "was declined" if sheet.state == SplitSheet.State.DECLINED else "was not signed in time"
    context = {"sheet": sheet, "thing": sheet.thing, "who": who, "page": _studio(sheet)}
    body = render_to_string("artists/mail/split_ended.txt", context)
    mail.queue(sheet.by.email, f"The split of “{sheet.thing}” {what}", body, key=f"split-ended:{sheet.pk}")


def _send(to: str, subject: str, name: str, line: SplitLine, more: dict[str, Any], key: str) -> None:
    sheet = line.sheet
    context = {"line": line, "sheet": sheet, "thing": sheet.thing, "inviter": _inviter(sheet), **more}
    context["page"] = f"{settings.SITE_URL}{reverse('artists:my_splits')}"
    body = render_to_string(f"artists/mail/split_{name}.txt", context)
    mail.queue(to, subject, body, key=f"{line.letter_prefix}{key}")


def _inviter(sheet: SplitSheet) -> str:
    return sheet.home.artist.name


def _studio(sheet: SplitSheet) -> str:
    return f"{settings.SITE_URL}{splits.studio_address(sheet.thing)}"
