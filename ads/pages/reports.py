"""The report of a campaign, as a page and as files."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ads.pages.owned import campaign_of
from ads.reporting import advertiser_report, campaign_report
from megabox.sheets import file_response
from users.access import advertiser_required, confirmed_email_required

SPANS = (7, 30, 90)


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """What a campaign did."""
    found = _full(request, pk)
    context = {"campaign": found.report.campaign, "full": found, "report": found.report, "unit": settings.ADS_CURRENCY}
    return render(request, "ads/report.html", {**context, "spans": SPANS, "span": _span(request)})


@never_cache
@require_GET
@advertiser_required
@confirmed_email_required
def report_file(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    """The report for a spreadsheet: all tables as sheets of one XLSX, or one of them as CSV."""
    found = _full(request, pk)
    report, tables = found.report, advertiser_report.tables(found)
    name = f"{slugify(report.campaign.name) or report.campaign.pk}-{report.since}-{report.until}"
    if form == "xlsx":
        first, *more = tables.values()
        return file_response(first, form, name, more=more)
    asked = request.GET.get("table", "days")
    if asked not in tables:
        raise Http404
    return file_response(tables[asked], form, name if asked == "days" else f"{name}-{asked}")


def _full(request: HttpRequest, pk: int) -> advertiser_report.Full:
    campaign = campaign_of(request, pk)
    return advertiser_report.full(campaign, until=timezone.now().date(), days=_span(request))


def _span(request: HttpRequest) -> int:
    typed = request.GET.get("days", "")
    return next((days for days in SPANS if typed == str(days)), campaign_report.DAYS)
