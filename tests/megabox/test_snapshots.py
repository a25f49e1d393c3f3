"""Who reads at one moment sees no later one, writes nothing, and keeps nobody from writing."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from megabox import snapshots
from tests.users.factories import make_user
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def in_another_connection(work: object) -> None:
    def run() -> None:
        try:
            work()  # type: ignore[operator]
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "the writer had to wait for the reader"


def test_what_others_write_meanwhile_is_not_seen_and_they_do_not_wait() -> None:
    make_user("leo@demo.megabox.test")
    with snapshots.reading():
        assert User.objects.count() == 1
        in_another_connection(lambda: make_user("nina@demo.megabox.test"))
        assert User.objects.count() == 1
    assert User.objects.count() == 2


def test_nothing_can_be_written_inside_and_everything_afterwards() -> None:
    with pytest.raises(DatabaseError), snapshots.reading():
        make_user("leo@demo.megabox.test")
    make_user("leo@demo.megabox.test")
    with transaction.atomic():
        make_user("nina@demo.megabox.test")
    assert User.objects.count() == 2


def test_inside_a_transaction_it_reads_as_that_transaction_does() -> None:
    with transaction.atomic():
        make_user("leo@demo.megabox.test")
        with snapshots.reading():
            assert User.objects.count() == 1
            make_user("nina@demo.megabox.test")
