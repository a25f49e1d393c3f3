"""The map: every address of Megabox, and the room that answers it."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from megabox import books_desk, books_pages, desk, desk_reports, health, styleguide, views

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("me/", views.me, name="me"),
    path("privacy/", views.privacy, name="privacy"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("files/<str:token>/<str:filename>", views.file, name="file"),
    path("media/<path:path>", views.public_file, name="public_file"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("desk/", desk.home, name="desk"),
    path("desk/books/", books_desk.home, name="desk_books"),
    path("desk/books/check/", books_desk.check, name="desk_check_books"),
    path("desk/books/export/", books_desk.export, name="desk_export_books"),
    path("desk/books/exports/<int:export_id>/", books_desk.books_export, name="desk_export"),
    path("desk/books/exports/<int:export_id>/progress/", books_desk.export_progress, name="desk_export_progress"),
    path("desk/books/exports/<int:export_id>/zip/", books_desk.export_zip, name="desk_export_zip"),
    path("desk/books/checks/<int:run_id>/", books_desk.audit_run, name="desk_audit_run"),
    path("desk/books/checks/<int:run_id>/progress/", books_desk.audit_progress, name="desk_audit_progress"),
    path("desk/books/entries/<int:entry_id>/", books_pages.entry, name="desk_entry"),
    path("desk/books/postings/<int:posting_id>/", books_pages.posting, name="desk_posting"),
    path("desk/books/sources/<str:name>/", books_pages.source, name="desk_source"),
    path("desk/books/groups/<int:group_id>/", books_pages.group, name="desk_group"),
    path("desk/books/views/<uuid:view_id>/", books_pages.view, name="desk_view"),
    path("desk/books/payouts/<int:payout_id>/", books_pages.payout, name="desk_payout"),
    path("desk/reports/", desk_reports.index, name="desk_reports"),
    path("desk/reports/<slug:name>/", desk_reports.screen, name="desk_report"),
    path("desk/reports/<slug:name>.csv", desk_reports.save, {"form": "csv"}, name="desk_report_csv"),
    path("desk/reports/<slug:name>.xlsx", desk_reports.save, {"form": "xlsx"}, name="desk_report_xlsx"),
    path("api/v1/", include("artists.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api_docs"),
    path("", include("artists.urls")),
    path("", include("ads.urls")),
    path("", include("payouts.urls")),
    path("", include("store.urls")),
]
