"""`manage.py replay_decision`: make the choice of one ad again, and say why each ad was shown or not."""

import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ads.delivery import replaying
from ads.delivery.logbook import NotKept
from ads.models import Ad


class Command(BaseCommand):
    help = "Replays how the ad of one offer was chosen; exits 1 when another one comes out, or it cannot be replayed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("token_id", help="the number of the offer, which is the number of its view")

    def handle(self, *args: Any, token_id: str, **options: Any) -> None:
        try:
            replay = replaying.replay(uuid.UUID(token_id), timezone.now())
        except ValueError:
            raise CommandError("No offer has this number. Copy the number of a view whole.") from None
        except NotKept as reason:
            raise CommandError(str(reason)) from None
        ads = Ad.objects.select_related("campaign").in_bulk(
            [one.one.ad_id for one in replay.verdicts] + [replay.recorded.ad_id or 0]
        )

        def called(ad_id: int | None) -> str:
            if ad_id is None:
                return "no ad"
            ad = ads.get(ad_id)
            return (
                f"ad {ad_id}, “{ad.title}” of campaign {ad.campaign_id}, “{ad.campaign.name}”" if ad else f"ad {ad_id}"
            )

        recorded = replay.recorded
        self.stdout.write(f"Decision {recorded.token_id}: {recorded.place}, {recorded.at.isoformat()}")
        self.stdout.write(f"Campaigns as they were at {recorded.taken_at.isoformat()}, {recorded.snapshot}")
        for label, value in replaying.asked(recorded):
            self.stdout.write(f"{label}: {value}")
        self.stdout.write(f"Recorded: {called(recorded.ad_id)}")
        self.stdout.write(f"Replayed: {called(replay.ad_id)}")
        for verdict in replay.verdicts:
            self.stdout.write(f"  {called(verdict.one.ad_id)}: {verdict.why}")
        for fault in replay.faults:
            self.stdout.write(self.style.ERROR(fault))
        if not replay.is_same:
            self.stdout.write(self.style.ERROR("NOT the same."))
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS("The same."))
