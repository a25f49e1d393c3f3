"""What the browser extension asks: a token for a code, an ad to show, how its wallet stands.

It shows its token in `Authorization: Bearer`, never a cookie; it names no page and nobody. What it shows is reported
to the address of all ad events. Written for its developers in docs/megakey.md and in the API's schema.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any, NoReturn

from django.conf import settings
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control, never_cache
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from ads.megakey import extension, pairings, sites, throttles
from ads.models import Pairing
from ads.traffic import fraud
from megabox import addresses, money
from users.models import User

LIST_SECONDS = 300
"""So long a browser or a cache may keep the list; offers look at the sites themselves."""


class PairingAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`, of a browser that was paired and not taken off since."""

    def authenticate(self, request: Request) -> tuple[User, Pairing] | None:
        """The person and the pairing of the token; None without one."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        pairing = pairings.find(token.strip(), timezone.now())
        if pairing is None or pairing.wallet.user is None:
            raise AuthenticationFailed("This browser is not paired any more. Pair it again on the Megakey page.")
        return pairing.wallet.user, pairing

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return "Bearer"


class _PairingScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "ads.api.megakey.PairingAuthentication"
    name = "megakey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token a pairing code was exchanged for."}


class ProblemSerializer(serializers.Serializer[Any]):
    """Why not."""

    detail = serializers.CharField(help_text="A sentence for the listener.")


class CodeSerializer(serializers.Serializer[Any]):
    """A code as the Megakey page showed it."""

    code = serializers.CharField(max_length=40, help_text="Ten letters; case, spaces and dashes do not matter.")
    name = serializers.CharField(
        max_length=pairings.MOST_NAME,
        required=False,
        allow_blank=True,
        help_text="What the listener calls this browser, to find it again on the page. Send nothing they did not type.",
    )


class TokenSerializer(serializers.Serializer[Any]):
    """The extension's token. It is told once: keep it in the extension's own storage."""

    token = serializers.CharField()


class WalletSerializer(serializers.Serializer[Any]):
    """How the wallet stands."""

    credits = serializers.CharField(help_text="What the wallet holds, for people.")
    xcr_micros = serializers.IntegerField(help_text="The same in millionths of a credit.")
    seen_today = serializers.IntegerField(help_text="Ads of the extension that counted since the UTC day began.")
    daily_ads = serializers.IntegerField(help_text="So many may count a day.")
    is_blocked = serializers.BooleanField(help_text="The wallet cannot earn now.")


class AdSerializer(serializers.Serializer[Any]):
    """What to show. Text is plain text, never markup."""

    kind = serializers.ChoiceField(choices=sorted(extension.STILL))
    title = serializers.CharField()
    body = serializers.CharField()
    alt = serializers.CharField(help_text="What the picture shows, in words.")
    click_url = serializers.CharField(help_text="Where a click leads; empty: nowhere.")
    image_url = serializers.CharField(help_text="The picture; empty for a text.")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    by = serializers.CharField(help_text="Who pays.")


class OfferSerializer(serializers.Serializer[Any]):
    """An ad and the signed token that its view and its click are reported with."""

    token = serializers.CharField()
    ends_at = serializers.DateTimeField(help_text="A view that is reported later does not count.")
    earns_micros = serializers.IntegerField(help_text="What the wallet earns, in micros of money: 1000 are a credit.")
    ad = AdSerializer()


class PlaceSerializer(serializers.Serializer[Any]):
    """Where the ad is to be shown."""

    site = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=2**63 - 1,
        help_text="The id of a site on the signed list, where an ad is replaced; nothing: on the extension's surfaces.",
    )


@method_decorator(never_cache, "dispatch")
class PairView(APIView):
    """Exchange a code for a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    counts: Sequence[throttles.WrongCodes] = ()

    def get_throttles(self) -> list[BaseThrottle]:
        """What counts wrong codes, kept for when this one is."""
        self.counts = [one() for one in throttles.PAIRING]
        return [*self.counts]

    def throttled(self, request: Request, wait: float | None) -> NoReturn:
        """429 with `Retry-After` and a sentence."""
        minutes = ceil((wait or 0) / 60) or 1
        refusal = Throttled(
            detail=f"Too many wrong codes were tried. Wait {minutes} minute{'s' if minutes != 1 else ''}, "
            "make a new code on your Megakey page and type that one."
        )
        refusal.wait = ceil(wait or 0)  # type: ignore[attr-defined]  # what becomes `Retry-After`, and is in no stub
        raise refusal

    @extend_schema(
        operation_id="megakey_pair",
        tags=["megakey"],
        request=CodeSerializer,
        responses={201: TokenSerializer, 400: ProblemSerializer, 429: ProblemSerializer},
    )
    def post(self, request: Request) -> Response:
        """Exchange a code of the Megakey page for a token, once, within ten minutes."""
        typed = CodeSerializer(data=request.data)
        typed.is_valid(raise_exception=True)
        said: dict[str, str] = typed.validated_data
        try:
            token = pairings.exchange(said["code"], timezone.now(), name=said.get("name", ""))
        except pairings.NotPaired as reason:
            for counted in self.counts:
                counted.count()
            return Response({"detail": str(reason)}, status.HTTP_400_BAD_REQUEST)
        return Response({"token": token}, status.HTTP_201_CREATED)


@method_decorator(never_cache, "dispatch")
class _PairedView(APIView):
    authentication_classes = (PairingAuthentication,)
    permission_classes = (IsAuthenticated,)

    @staticmethod
    def pairing(request: Request) -> Pairing:
        """Which browser asks."""
        found = request.auth
        assert isinstance(found, Pairing), "only paired browsers get here"
        return found


class WalletView(_PairedView):
    """How the wallet stands, and taking this browser off."""

    @extend_schema(operation_id="megakey_wallet", tags=["megakey"], responses=WalletSerializer)
    def get(self, request: Request) -> Response:
        """How the wallet of this browser stands."""
        wallet = self.pairing(request).wallet
        xcr = wallet.balance_xcr()
        return Response(
            {
                "credits": money.display(xcr, money.CREDIT),
                "xcr_micros": xcr,
                "seen_today": extension.seen_today(wallet, timezone.now()),
                "daily_ads": settings.MEGAKEY_DAILY_ADS,
                "is_blocked": wallet.blocked_at is not None,
            }
        )

    @extend_schema(operation_id="megakey_unpair", tags=["megakey"], request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Take this browser off: its token is good no more."""
        pairing = self.pairing(request)
        pairings.revoke(pairing.wallet, pairing.pk, timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class OfferView(_PairedView):
    """An ad for the extension."""

    @extend_schema(
        operation_id="megakey_offer",
        tags=["megakey"],
        request=PlaceSerializer,
        responses={
            200: OfferSerializer,
            204: OpenApiResponse(description="There is no ad now. Ask again in a minute."),
            403: ProblemSerializer,
            409: ProblemSerializer,
            429: ProblemSerializer,
        },
    )
    def post(self, request: Request) -> Response:
        """The ad to show in a new tab, the side panel or an ad break, or instead of one of a site.

        Until it was seen or is over it is the same ad, whatever is asked: a wallet has one open offer.
        """
        said = PlaceSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        signals = fraud.signals(request.headers, addresses.client(request._request))
        if fraud.reason_against_asking(signals):
            return Response(status=status.HTTP_204_NO_CONTENT)
        try:
            wallet, site_id = self.pairing(request).wallet, said.validated_data.get("site")
            shown = extension.offer(wallet, timezone.now(), site_id=site_id)
        except extension.DayFull as reason:
            return Response({"detail": str(reason)}, status.HTTP_429_TOO_MANY_REQUESTS)
        except extension.AnotherOpen as reason:
            return Response({"detail": str(reason)}, status.HTTP_409_CONFLICT)
        except extension.Refused as reason:
            return Response({"detail": str(reason)}, status.HTTP_403_FORBIDDEN)
        if shown is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(_told(shown))


class SignedListSerializer(serializers.Serializer[Any]):
    """The list of sites, signed. Check the signature over the bytes of `list` before reading it."""

    algorithm = serializers.ChoiceField(choices=["Ed25519"])
    key = serializers.CharField(help_text="The first 16 hexadecimal digits of the SHA-256 of the public key.")
    signature = serializers.CharField(help_text="64 bytes in base64, over the UTF-8 bytes of `list`.")
    list = serializers.CharField(help_text='JSON: {"version": 7, "made_at": "...", "sites": [{"id": 1, "domain": ""}]}')


@method_decorator(cache_control(public=True, max_age=LIST_SECONDS), "dispatch")
class SiteListView(APIView):
    """The list of sites on which ads may be replaced: the same for everybody, and nobody is asked who they are."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="megakey_sites",
        tags=["megakey"],
        responses={200: SignedListSerializer, 404: ProblemSerializer},
    )
    def get(self, request: Request) -> Response:
        """The newest list. 404 while replacing is switched off: then nothing is replaced anywhere."""
        if not settings.MEGAKEY_REPLACES:
            return Response({"detail": "Replacing ads is switched off here."}, status.HTTP_404_NOT_FOUND)
        signed = sites.signed(timezone.now())
        told = {"algorithm": "Ed25519", "key": signed.key_id, "signature": signed.signature, "list": signed.body}
        return Response(told)


def _told(shown: extension.Shown) -> dict[str, Any]:
    ad = shown.ad
    image_url = shown.image_url
    return {
        "token": shown.token,
        "ends_at": shown.ends_at,
        "earns_micros": shown.earns_micros,
        "ad": {
            "kind": ad.kind,
            "title": ad.title,
            "body": ad.body,
            "alt": ad.alt,
            "click_url": ad.click_url,
            "image_url": f"{settings.SITE_URL}{image_url}" if image_url.startswith("/") else image_url,
            "width": ad.width,
            "height": ad.height,
            "by": ad.campaign.whose,
        },
    }
