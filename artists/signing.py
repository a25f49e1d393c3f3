"""Getting a split sheet signed: who is asked, who signs or declines, and the moment it comes into force.

A version never changes. It waits until everybody in it signed; the signature of the last one puts it in force, once,
whoever else works at the same time: signing, declining, withdrawing and expiring all lock the version first (before it
the album, where that is touched too), and end it by a conditional UPDATE. Until then the version before it goes on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Max, Q, QuerySet

from artists import search, split_letters
from artists.models import Album, Payee, SplitLine, SplitSheet, SplitSignature, Track
from artists.proposals import BadSplit, Part, checked, typed_words
from users import mail
from users.access import confirmed_addresses
from users.models import User

MOST_ASKED_A_DAY = 200
"""So many letters the sheets of one owner may cause in a day."""
TIME_TO_SIGN = timedelta(days=30)
REMINDED_AFTER = timedelta(days=10)
BETWEEN_LETTERS = timedelta(days=1)
LONGEST_NAME, LONGEST_REASON = 120, 500


class CannotSign(Exception):
    """It cannot be signed, declined or withdrawn; the message says why, and what to do."""


class AlreadySigned(CannotSign):
    """This line is signed."""


class NotTheirs(CannotSign):
    """The sheet was sent to somebody else's address, or to one that is not confirmed yet."""


def propose(thing: Album | Track, parts: Sequence[Part], *, by: User, signed_as: str, at: datetime) -> SplitSheet:
    """The next version of the sheet: `by`, its owner, signs it, and everybody else in it is asked.

    It takes the place of a version that still waits. With nobody else in it, it is in force at once. Raises BadSplit.
    """
    parts = checked(parts)
    name = typed_words(signed_as, LONGEST_NAME)
    if not name:
        raise BadSplit("Type your name under the sheet: it is your signature.")
    own = {by.email.lower(), *confirmed_addresses(by)}
    if sum(part.email in own for part in parts) > 1:
        raise BadSplit("You stand in this sheet twice. Add your parts together.")
    others = sum(part.email not in own for part in parts)
    with transaction.atomic():
        # Whoever sends a version at the same time waits here, so that versions follow each other.
        _lock_album(thing.album if isinstance(thing, Track) else thing)
        if others:
            _require_may_ask(by, others, at)
            day = _asked_on(by, at)
            cache.set(day, cache.get(day, 0) + others, 2 * BETWEEN_LETTERS.total_seconds())
        mine = SplitSheet.objects.of(thing)
        version = (mine.aggregate(last=Max("version"))["last"] or 0) + 1
        for old in mine.waiting():
            _end(old, SplitSheet.State.WITHDRAWN, f"Version {version} took its place.", at)
        of = {"track": thing} if isinstance(thing, Track) else {"album": thing}
        sheet = SplitSheet.objects.create(**of, version=version, by=by, created_at=at, expires_at=at + TIME_TO_SIGN)
        lines = [_line(sheet, number, part) for number, part in enumerate(parts)]
        for line in lines:
            if line.email in own:
                _sign(line, by, _own_payee(line, by, at), name, at)
            else:
                _ask(line, at)
        _put_in_force_if_signed(sheet, at)
    sheet.refresh_from_db()
    return sheet


def sign(line_id: int, *, user: User, name: str, at: datetime) -> SplitSheet:
    """Sign a line as `user`, whose address it was sent to; the last signature puts the sheet in force.

    Raises CannotSign; AlreadySigned when it was signed before, as by a second click.
    """
    typed = typed_words(name, LONGEST_NAME)
    with transaction.atomic():
        line = _locked(line_id)
        require_may(line, user, at)
        if not typed:
            raise CannotSign("Type your name: it is your signature.")
        # Who signs two sheets at once gets one payee, not two.
        User.objects.select_for_update().get(pk=user.pk)
        payee = _payee_of(user, line, at)
        if line.sheet.lines.filter(payee=payee).exists():
            raise CannotSign(
                "You stand in this sheet twice, with two addresses. Ask whoever sent it to add the parts together."
            )
        _sign(line, user, payee, typed, at)
        # Whoever is paid has a studio: their earnings are there.
        User.objects.filter(pk=user.pk, is_artist=False).update(is_artist=True)
        _put_in_force_if_signed(line.sheet, at)
    line.sheet.refresh_from_db()
    return line.sheet


def decline(line_id: int, *, user: User | None, reason: str, at: datetime) -> None:
    """Say no, so that the version is never in force; its owner reads why. Raises CannotSign.

    Whoever has the link may, signed in or not: it came to the address that was asked.
    """
    typed = typed_words(reason, LONGEST_REASON)
    with transaction.atomic():
        line = _locked(line_id)
        require_may(line, user, at)
        if not typed:
            raise CannotSign("Say in a few words what should be different, so that the next version can be.")
        _end(line.sheet, SplitSheet.State.DECLINED, typed, at)
        split_letters.ended(line.sheet, [line.shown_name])


def withdraw(sheet: SplitSheet, *, at: datetime) -> None:
    """Take back a version that waits. Raises CannotSign when it does not wait any more."""
    with transaction.atomic():
        locked = SplitSheet.objects.select_for_update().get(pk=sheet.pk)
        if not _end(locked, SplitSheet.State.WITHDRAWN, "", at):
            raise CannotSign(f"Version {sheet.version} does not wait any more: it {said_state(locked)}.")


def remind(sheet: SplitSheet, *, at: datetime) -> int:
    """Write again to everybody who has not signed; return how many. Raises CannotSign within a day of the last time."""
    with transaction.atomic():
        locked = SplitSheet.objects.select_for_update().get(pk=sheet.pk)
        if not locked.is_waiting:
            raise CannotSign(f"Version {sheet.version} does not wait any more: it {said_state(locked)}.")
        count = _write_again(Q(sheet=locked, asked_at__lte=at - BETWEEN_LETTERS), at)
    if not count:
        raise CannotSign("They were written to less than a day ago. Try again tomorrow.")
    return count


def follow(at: datetime) -> int:
    """Remind whoever has not signed, and end what was not signed in time; return how many."""
    return expire(at) + remind_due(at)


def remind_due(at: datetime) -> int:
    """Write again to whoever was asked ten days ago and has not signed; return how many."""
    return _write_again(Q(asked_at__lte=at - REMINDED_AFTER), at)


def expire(at: datetime) -> int:
    """End versions that not everybody signed in time, and tell their owners; return how many."""
    count = 0
    for pk in list(SplitSheet.objects.due(at).values_list("pk", flat=True)):
        with transaction.atomic():
            sheet = SplitSheet.objects.select_for_update().get(pk=pk)
            unsigned = [line.shown_name for line in sheet.lines.filter(signature=None)]
            if _end(sheet, SplitSheet.State.EXPIRED, "", at):
                split_letters.ended(sheet, unsigned)
                count += 1
    return count


def said_state(sheet: SplitSheet) -> str:
    """What became of a version, to stand after "it"."""
    when = sheet.in_force_at or sheet.ended_at or sheet.created_at
    said = {
        SplitSheet.State.WAITING: "waits for signatures since",
        SplitSheet.State.SIGNED: "is in force since",
        SplitSheet.State.DECLINED: "was declined on",
        SplitSheet.State.WITHDRAWN: "was withdrawn on",
        SplitSheet.State.EXPIRED: "was not signed by everybody in time and ended on",
    }[SplitSheet.State(sheet.state)]
    return f"{said} {when:%-d %B %Y}"


def require_may(line: SplitLine, user: User | None, at: datetime) -> None:
    """Raise CannotSign unless the line can be signed or declined at `at`, and is `user`'s where somebody signed in."""
    # A version that ended has forgotten whom it asked.
    if user is not None and line.email:
        _require_theirs(line, user)
    _require_open(line, at)


# --- who may be asked, and by whom


def _require_may_ask(by: User, others: int, at: datetime) -> None:
    if not confirmed_addresses(by):
        raise BadSplit(
            f"Confirm your own e-mail address before you invite others: open the link we sent to {by.email}. "
            "Your account page can send it again."
        )
    asked = SplitLine.objects.filter(sheet__by=by, asked_at__gt=at - timedelta(days=1)).count()
    asked = max(asked, cache.get(_asked_on(by, at), 0))
    if asked + others > MOST_ASKED_A_DAY:
        raise BadSplit(f"Your sheets wrote to {asked} people today; {MOST_ASKED_A_DAY} are the most. Go on tomorrow.")


def _asked_on(by: User, at: datetime) -> str:
    """Where it stands how many an owner asked on a UTC day: a draft that is deleted takes its lines along."""
    return f"split-letters:{by.pk}:{at:%Y-%m-%d}"


# --- lines and signatures


def _line(sheet: SplitSheet, position: int, part: Part) -> SplitLine:
    return SplitLine.objects.create(
        sheet=sheet,
        position=position,
        role=part.role,
        name=part.name,
        email=part.email,
        basis_points=part.basis_points,
    )


def _own_payee(line: SplitLine, owner: User, at: datetime) -> Payee:
    """Who is paid for the owner's line: the artist, or the label that the owner is."""
    is_label = line.role == SplitLine.Role.LABEL
    return _payee_of(owner, line, at) if is_label else line.sheet.home.artist.payee


def _payee_of(user: User, line: SplitLine, at: datetime) -> Payee:
    """The person's first payee of the line's kind, label or not; a new one when they have none."""
    is_label = line.role == SplitLine.Role.LABEL
    kinds = [Payee.Kind.LABEL] if is_label else [Payee.Kind.ARTIST, Payee.Kind.COLLABORATOR]
    known = Payee.objects.filter(user=user, kind__in=kinds).order_by("pk").first()
    kind = Payee.Kind.LABEL if is_label else Payee.Kind.COLLABORATOR
    return known or Payee.objects.create(kind=kind, name=line.name, user=user, country=user.country, created_at=at)


def _sign(line: SplitLine, user: User, payee: Payee, name: str, at: datetime) -> None:
    line.payee = payee
    line.save(update_fields=["payee"])
    fingerprint = line.sheet.fingerprint(list(line.sheet.lines.all()))
    SplitSignature.objects.create(line=line, user=user, name=name, signed_at=at, fingerprint=fingerprint)


def _ask(line: SplitLine, at: datetime) -> None:
    line.letters, line.asked_at = line.letters + 1, at
    line.save(update_fields=["letters", "asked_at"])
    split_letters.ask(line)


def _write_again(which: Q, at: datetime) -> int:
    open_ones = SplitLine.objects.filter(
        which, signature=None, sheet__state=SplitSheet.State.WAITING, sheet__expires_at__gt=at
    )
    count = 0
    for line in open_ones.select_related("sheet"):
        with transaction.atomic():
            # Of two who remind at the same time one does; who declined or signed meanwhile gets no letter.
            list(SplitSheet.objects.select_for_update().filter(pk=line.sheet_id))
            asked = open_ones.filter(pk=line.pk, letters=line.letters)
            if asked.update(letters=line.letters + 1, asked_at=at):
                line.letters += 1
                split_letters.ask(line)
                count += 1
    return count


def _locked(line_id: int) -> SplitLine:
    """A line, while nobody else signs or ends its sheet. Raises CannotSign when it is gone."""
    found = SplitSheet.objects.filter(lines=line_id).select_related("album", "track__album").first()
    if found is not None:
        _lock_album(found.home)
    sheet = SplitSheet.objects.select_for_update().filter(pk=found.pk).first() if found else None
    if sheet is None:
        raise CannotSign("This sheet is gone: the draft it was about was deleted. There is nothing to sign.")
    line = sheet.lines.get(pk=line_id)
    line.sheet = sheet
    return line


def _lock_album(album: Album) -> None:
    """Let nobody else change the album or its sheets. Everybody locks it before a sheet, so nobody waits in a ring.

    Who buys it is not held up: their rows only name it.
    """
    list(Album.objects.select_for_update(no_key=True).filter(pk=album.pk).values_list("pk"))


def _require_theirs(line: SplitLine, user: User) -> None:
    """Raise NotTheirs unless the address that was asked is a confirmed one of `user`'s."""
    if line.email in confirmed_addresses(user):
        return
    if line.email == user.email.lower():
        raise NotTheirs(
            f"Confirm first that {line.email} is yours: open the link in the letter we sent when you signed up. "
            "Then open this page again."
        )
    raise NotTheirs(
        f"This sheet was sent to another address than yours, and you are signed in as {user.email}. "
        "Sign out, and sign in with the address that got the letter."
    )


def _require_open(line: SplitLine, at: datetime) -> None:
    """Raise CannotSign unless the line can be signed or declined at `at`."""
    sheet = line.sheet
    signature = SplitSignature.objects.filter(line=line).first()
    if signature is not None and (sheet.is_waiting or sheet.is_signed):
        raise AlreadySigned(
            f"You signed version {sheet.version} of “{sheet.thing}” on {signature.signed_at:%-d %B %Y}. A signature "
            "cannot be taken back; if something should be different, ask for a new version."
        )
    if not sheet.is_waiting:
        raise CannotSign(f"Version {sheet.version} cannot be signed any more: it {said_state(sheet)}.")
    if sheet.expires_at is not None and sheet.expires_at <= at:
        raise CannotSign(
            f"Version {sheet.version} could be signed until {sheet.expires_at:%-d %B %Y}. Ask for it to be sent again."
        )


# --- how a version ends waiting


def _put_in_force_if_signed(sheet: SplitSheet, at: datetime) -> None:
    """Share money by this version from now on, if everybody in it signed."""
    lines = list(sheet.lines.all())
    if SplitSignature.objects.filter(line__sheet=sheet).count() < len(lines):
        return
    older = SplitSheet.objects.of(sheet.thing).signed().exclude(pk=sheet.pk)
    # The clocks of two machines differ: a version is never in force before the one it follows.
    since = max(at, older.aggregate(last=Max("in_force_at"))["last"] or at)
    shares = [[line.payee_id, line.basis_points] for line in lines]
    waiting = SplitSheet.objects.waiting().filter(pk=sheet.pk)
    if not waiting.update(state=SplitSheet.State.SIGNED, in_force_at=since, shares=shares):
        return
    sheet.state, sheet.in_force_at, sheet.shares = SplitSheet.State.SIGNED, since, shares
    split_letters.left(sheet, older.first())
    _forget(SplitLine.objects.filter(sheet__in=older))
    label = next((line.name for line in lines if line.role == SplitLine.Role.LABEL), "")
    if label and sheet.album is not None:
        _name_label(sheet.album, label, at)
    if any(line.asked_at for line in lines):
        split_letters.in_force(sheet)


def _name_label(album: Album, label: str, at: datetime) -> None:
    """Say on the album who brought it out, where its artist has not said so themselves."""
    Album.objects.filter(pk=album.pk, label="").update(label=label)
    Album.objects.filter(pk=album.pk, p_line="").update(p_line=f"{at.year} {label}"[:200])
    album.refresh_from_db(fields=["label", "p_line"])
    search.write_album(album, at=at)


def _end(sheet: SplitSheet, state: SplitSheet.State, reason: str, at: datetime) -> bool:
    """End a version that waits, and forget whoever did not sign it; False when it does not wait any more."""
    waiting = SplitSheet.objects.waiting().filter(pk=sheet.pk)
    if not waiting.update(state=state, end_reason=reason, ended_at=at):
        return False
    sheet.state, sheet.end_reason, sheet.ended_at = state, reason, at
    _forget(sheet.lines.all())
    sheet.lines.filter(signature=None).update(name="")
    return True


def _forget(lines: QuerySet[SplitLine]) -> None:
    """Forget the addresses of these lines, and what was written to them."""
    known = list(lines.exclude(email=""))
    mail.forget([line.letter_prefix for line in known])
    SplitLine.objects.filter(pk__in=[line.pk for line in known]).update(email="")
