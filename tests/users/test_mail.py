"""The outbox: a letter is written once and sent until it is gone."""

from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.core.mail import send_mail
from django.utils import timezone
from pytest_django import Settings

from users import mail, queue
from users.models import Mail

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _mail_server(settings: Settings) -> None:
    settings.MAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def test_a_letter_is_written_once_per_key() -> None:
    mail.queue("leo@demo.megabox.test", "Your receipt", "Thank you.", key="receipt:1")
    mail.queue("leo@demo.megabox.test", "Your receipt", "Thank you.", key="receipt:1")
    assert Mail.objects.count() == 1


def test_a_heading_is_one_line_whatever_names_are_in_it() -> None:
    mail.queue("leo@demo.megabox.test", f"Your ad “A\nBcc: max@demo.megabox.test” {'x' * 300}", "Hi.", key="ad:1")
    assert mail.send_waiting(timezone.now()) == 1
    assert django_mail.outbox[0].subject.startswith("Your ad “A Bcc: max@demo.megabox.test” xxx")
    assert len(django_mail.outbox[0].subject) == 300


def test_a_letter_that_cannot_be_put_together_holds_up_no_other() -> None:
    for number, subject in enumerate(["Two\nlines", "One line"]):
        Mail.objects.create(to="leo@demo.megabox.test", subject=subject, body="", key=f"old:{number}")
    assert mail.send_waiting(timezone.now()) == 1
    assert [letter.subject for letter in django_mail.outbox] == ["One line"]


def test_the_sweeper_sends_what_waits_and_only_once() -> None:
    mail.queue("leo@demo.megabox.test", "Your receipt", "Thank you.", key="receipt:1")
    assert mail.send_waiting(timezone.now()) == 1
    assert mail.send_waiting(timezone.now()) == 0
    assert [letter.subject for letter in django_mail.outbox] == ["Your receipt"]


def test_a_letter_that_another_worker_sends_is_left_alone() -> None:
    letter = mail.queue("leo@demo.megabox.test", "Your receipt", "Thank you.", key="receipt:1")
    Mail.objects.update(claimed_by="somebody", claimed_until=timezone.now() + timedelta(seconds=30))
    assert mail.send(letter.pk, at=timezone.now()) is False
    assert mail.send(letter.pk, at=timezone.now() + timedelta(seconds=61)) is True


def test_a_mail_server_that_is_down_costs_no_letter(settings: Settings) -> None:
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1  # nobody listens there
    letter = mail.queue("leo@demo.megabox.test", "Your receipt", "Thank you.", key="receipt:1")
    assert mail.send(letter.pk, at=timezone.now()) is False
    letter.refresh_from_db()
    assert (letter.state, letter.tries, letter.claimed_by) == (Mail.State.QUEUED, 1, "")
    assert letter.next_try_at > timezone.now()
    assert queue.oldest_waiting() == letter.next_try_at


def test_a_letter_that_never_goes_out_is_given_up_and_kept(settings: Settings) -> None:
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    letter = mail.queue("leo@demo.megabox.test", "Your receipt", "Thank you.", key="receipt:1")
    for _ in range(mail.MOST_TRIES):
        mail.send(letter.pk, at=timezone.now())
    letter.refresh_from_db()
    assert letter.state == Mail.State.DEAD
    assert letter.reason


def test_django_itself_writes_to_the_outbox(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "users.mail.OutboxBackend"
    send_mail("Confirm", "Press here.", None, ["leo@demo.megabox.test"])
    assert Mail.objects.get().to == "leo@demo.megabox.test"
