"""Ads beside music, asked for apart: one ad with its token, to look at on a page, or to hear between two tracks.

They are not cached. A slot makes no session for somebody who has none; who hears a spot has one from the music. What is
needed of the music, the listener and the ad is remembered for some seconds, so that a slot usually asks the database
nothing.

Frequency caps hold for listeners without a wallet by what their tab says (`ads.delivery.tally`), for others by the
database.
"""

import hashlib
import secrets
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ads.assets import creatives, loudness
from ads.delivery import frequency, hours, serving, snapshots, tally
from ads.delivery.frequency import Seen
from ads.delivery.remembered import Remembered
from ads.limits import unseen
from ads.models import BESIDE_MUSIC, Ad, Place, Wallet
from ads.rewards import wallets
from ads.tokens import SLOT_LIFETIME_SECONDS, Choice
from ads.traffic import fraud
from artists import splits
from artists.models import Album, Artist, Track
from artists.models.payees import WHOLE
from megabox import addresses, media
from users.models import User

_WHOSE = ("campaign__advertiser", "campaign__artist")
STILL = frozenset({str(Ad.Kind.IMAGE), str(Ad.Kind.TEXT)})
"""What a slot can show: nothing sounds in it."""
HEARD = frozenset({str(Ad.Kind.AUDIO)})
_MARK = secrets.token_hex(16)
"""Stands in a remembered slot where the token of each offer goes; no advertiser can write it."""


@dataclass(frozen=True, slots=True)
class _Music:
    """Beside what the ad is shown, and who shares what it earns; `lufs` holds the loudness of a track."""

    artist_id: int
    artist_name: str
    shares: tuple[tuple[int, int], ...]
    owner_id: int | None = None
    album_id: int | None = None
    genre: str = ""
    mood: str = ""
    language: str = ""
    lufs: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class _Listener:
    """Whom the ad is shown to. Guests have no country, because nobody is located here."""

    user_id: int | None = None
    country: str = ""
    wallet: Wallet | None = None


@dataclass(frozen=True, slots=True)
class _Lately:
    """What a wallet had seen when the database was asked, and what it was offered here since: all of it may be seen."""

    seen: Seen
    offered: list[Choice] = field(default_factory=list)

    def counted(self) -> Seen:
        """What is counted against caps."""
        offered = list(self.offered)
        views = Counter(self.seen.views_today)
        views.update(one.campaign_id for one in offered)
        return Seen(views, self.seen.recent_ads | {one.ad_id for one in offered})


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a visitor is answered: an ad and its token, or None when there is none, and headers for their tab."""

    offered: tuple[Choice, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)


_STRANGER = _Listener()
_music: Remembered[_Music | None] = Remembered(20_000)
_listeners: Remembered[_Listener] = Remembered(20_000)
_seen: Remembered[_Lately] = Remembered(20_000)
_slots: Remembered[str] = Remembered(5_000)


@never_cache
@require_GET
def slot(request: HttpRequest, place: str, kind: str, pk: int) -> HttpResponse:
    """One ad to look at beside an artist's, an album's or a track's music; 204 when there is none to show."""
    if place not in BESIDE_MUSIC:
        raise Http404
    music = _music_of(kind, pk)
    answer = _answer(request, place, music, STILL)
    if answer.offered is None:
        return HttpResponse(status=204, headers=answer.headers)
    choice, token = answer.offered
    pays = music.artist_name if choice.price_micros else ""
    html = _slots.get((choice.ad_id, pays), lambda: render_to_string("ads/_slot.html", _shown(choice, pays, _MARK)))
    return HttpResponse(html.replace(_MARK, token), headers=answer.headers)


@never_cache
@require_GET
def spot(request: HttpRequest, pk: int) -> HttpResponse:
    """One spot to be heard after a track, as loud as the track; 204 when there is none. The track's artist earns."""
    music = _music_of("track", pk)
    answer = _answer(request, Place.PLAYER, music, HEARD)
    if answer.offered is None:
        return HttpResponse(status=204, headers=answer.headers)
    choice, token = answer.offered
    shown = _shown(choice, music.artist_name if choice.price_micros else "", token)
    path = shown["ad"].path
    link = media.signed_url(path, bound_to=media.listener_key(request), filename=path.rsplit("/", 1)[-1])
    html = render_to_string(
        "ads/_spot.html", {**shown, "sound_url": link, "gain_db": loudness.gain_db(music.lufs)}, request
    )
    return HttpResponse(html, headers=answer.headers)


def _answer(request: HttpRequest, place: str, music: _Music, kinds: frozenset[str]) -> _Answer:
    """The ad picked for this visitor, and its token; and what their tab is to remember of it."""
    # Robots and pages loaded ahead are shown nothing: an offer that cannot count is only noise.
    address = addresses.client(request)
    if fraud.reason_against_asking(fraud.signals(request.headers, address)):
        return _Answer()
    now, listener = timezone.now(), _listener(request)
    if listener.user_id is not None and listener.user_id == music.owner_id:
        return _Answer()  # who looks at their own pages all day earns nothing by it, and costs no advertiser anything
    snapshots.keep_fresh()
    wallet = listener.wallet
    lately = _lately(wallet, now) if wallet else None
    tab = tally.read(request.headers, now)
    known = serving.context_for(
        wallet,
        now,
        genre=music.genre,
        mood=music.mood,
        language=music.language,
        artist_id=music.artist_id,
        country=listener.country,
        user_id=listener.user_id,
        seen=lately.counted() if lately else tab.counted(now),
    )
    bounds = unseen.bounds(address, wallet, now)
    may_cost = unseen.at_slots.take(bounds, now)
    offered = serving.pick_and_offer(
        place,
        replace(known, kinds=kinds, is_unpaid=not may_cost),
        now,
        wallet=wallet,
        artist_id=music.artist_id,
        album_id=music.album_id,
        shares=music.shares,
    )
    if may_cost and (offered is None or not offered[0].price_micros):
        unseen.at_slots.give_back(bounds, now)
    hours.count_asked(place, now, is_filled=offered is not None and offered[0].price_micros > 0)
    if offered:
        hours.count_served(offered[0].campaign_id, place, now)
        if lately:
            lately.offered.append(offered[0])
    return _Answer(offered, {} if wallet else _told(tab, offered and offered[0], now))


def _lately(wallet: Wallet, now: datetime) -> _Lately:
    return _seen.get((wallet.pk, now.date()), lambda: _Lately(frequency.seen(wallet.pk, now)))


def _told(tab: tally.Tab, choice: Choice | None, now: datetime) -> dict[str, str]:
    """What a tab is to send the next time: all that was seen, and what this ad adds once it is seen."""
    told = {tally.SEEN_HEADER: tally.write(tab.seen, now) if tab.seen.views else ""}
    if choice:
        told[tally.SHOWN_HEADER] = tally.write(tally.of_view(choice.campaign_id, choice.ad_id, now), now)
    return told


def forget() -> None:
    """Remember nothing of music, listeners and ads any more."""
    for one in (_music, _listeners, _seen, _slots):
        one.forget()
    serving.forget()


def _shown(choice: Choice, pays: str, token: str) -> dict[str, Any]:
    """What a template needs of an ad that was offered, which is never deleted."""
    ad = Ad.objects.select_related(*_WHOSE).get(pk=choice.ad_id)
    by = "" if pays else ad.campaign.whose
    return {
        "ad": ad,
        "token": token,
        "image_url": creatives.image_url(ad),
        "pays": pays,
        "by": by,
        "seconds": SLOT_LIFETIME_SECONDS,
    }


def _music_of(kind: str, pk: int) -> _Music:
    """The music of this kind and id. Raises Http404."""
    music = _music.get((kind, pk), lambda: _read_music(kind, pk))
    if music is None:
        raise Http404
    return music


def _read_music(kind: str, pk: int) -> _Music | None:
    """What everybody may hear under this address; None for anything else."""
    if kind == "artist":
        artist = Artist.objects.published().filter(pk=pk).first()
        return _Music(artist.pk, artist.name, ((artist.payee_id, WHOLE),), artist.owner_id) if artist else None
    thing: Album | Track | None = None
    if kind == "album":
        thing = Album.objects.published().select_related("artist").filter(pk=pk).first()
    elif kind == "track":
        thing = Track.objects.published().select_related("album__artist", "original").filter(pk=pk).first()
    if thing is None:
        return None
    album = thing.album if isinstance(thing, Track) else thing
    return _Music(
        artist_id=album.artist_id,
        artist_name=album.artist.name,
        shares=tuple(splits.current(thing).pairs),
        owner_id=album.artist.owner_id,
        album_id=album.pk,
        genre=thing.genre or album.genre,
        mood=thing.mood or album.mood,
        language=thing.language or album.language,
        lufs=(thing.original.loudness_lufs,) if isinstance(thing, Track) and thing.original else (),
    )


def _listener(request: HttpRequest) -> _Listener:
    """Who asks, by their session; somebody without one is a stranger."""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not session:
        return _STRANGER
    return _listeners.get(hashlib.sha256(session.encode()).digest(), lambda: _read_listener(request))


def _read_listener(request: HttpRequest) -> _Listener:
    user = request.user if isinstance(request.user, User) else None
    wallet = wallets.find(user, media.guest_key(request, create=False))
    return _Listener(user.pk if user else None, user.country if user else "", wallet)
