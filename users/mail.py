"""The outbox: code that has something to say writes a row; a worker sends it, again and again until it is gone."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Q

from megabox import claims
from users.models import Mail

MOST_TRIES = 12
LONGEST_SUBJECT = 300


def queue(to: str, subject: str, body: str, *, key: str, html: str = "") -> Mail:
    """Put a letter into the outbox, once per `key`."""
    # Titles and names are other people's words: one line, and not too long for a heading.
    heading = " ".join(subject.split())[:LONGEST_SUBJECT]
    mail, _ = Mail.objects.get_or_create(key=key, defaults={"to": to, "subject": heading, "body": body, "html": html})
    return mail


def send_waiting(at: datetime, *, most: int = 50) -> int:
    """Send what is due at `at`, at most `most` letters; return how many went out."""
    due = Mail.objects.filter(claims.unclaimed(at), state=Mail.State.QUEUED, next_try_at__lte=at)
    return sum(send(pk, at=at) for pk in due.order_by("next_try_at").values_list("pk", flat=True)[:most])


def send(mail_id: int, *, at: datetime) -> bool:
    """Send one letter unless somebody else does. A failure is tried again, ever later, then given up."""
    by = claims.worker_name()
    waiting = Mail.objects.filter(state=Mail.State.QUEUED)
    if not claims.claim(waiting, mail_id, by, at):
        return False
    mail = Mail.objects.filter(pk=mail_id).first()
    if mail is None:
        return False  # it was taken back meanwhile
    message = EmailMultiAlternatives(mail.subject, mail.body, settings.DEFAULT_FROM_EMAIL, [mail.to])
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    try:
        get_connection(settings.MAIL_BACKEND).send_messages([message])
    # smtplib's errors and refused connections are all OSErrors; a letter that cannot be put together is a ValueError.
    except (OSError, ValueError) as failure:
        tries = mail.tries + 1
        Mail.objects.filter(pk=mail_id, claimed_by=by).update(
            tries=tries,
            reason=str(failure)[:1000],
            next_try_at=at + timedelta(seconds=30 * 2**tries),
            state=Mail.State.DEAD if tries >= MOST_TRIES else Mail.State.QUEUED,
            claimed_by="",
            claimed_until=None,
        )
        return False
    done = Mail.objects.filter(pk=mail_id, claimed_by=by, state=Mail.State.QUEUED)
    return done.update(state=Mail.State.SENT, sent_at=at, claimed_by="", claimed_until=None) == 1


def forget(prefixes: Sequence[str]) -> int:
    """Take back what waits and delete what was sent of the letters whose keys begin so; return how many."""
    if not prefixes:
        return 0
    begun = Q()
    for prefix in prefixes:
        begun |= Q(key__startswith=prefix)
    return Mail.objects.filter(begun).delete()[0]


class OutboxBackend(BaseEmailBackend):
    """Django's mail goes into the outbox, so that no request ever waits for a mail server."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            pages = getattr(message, "alternatives", [])
            html = next((str(content) for content, kind in pages if kind == "text/html"), "")
            for to in message.recipients():
                queue(to, str(message.subject), str(message.body), key=uuid.uuid4().hex, html=html)
        return len(email_messages)
