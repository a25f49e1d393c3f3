"""Addresses of the ads room: advertisers, the staff's review, and what pages beside music ask for."""

from django.urls import path

from ads import api, desk, views

app_name = "ads"
urlpatterns = [
    path("advertise/", views.overview, name="overview"),
    path("advertise/new/", views.advertiser_new, name="advertiser_new"),
    path("advertise/<int:advertiser_id>/campaigns/new/", views.campaign_new, name="campaign_new"),
    path("advertise/campaigns/<int:pk>/", views.campaign, name="campaign"),
    path("advertise/campaigns/<int:pk>/edit/", views.campaign_edit, name="campaign_edit"),
    path("advertise/campaigns/<int:pk>/report/", views.report, name="report"),
    path("advertise/campaigns/<int:pk>/report.csv", views.report_file, {"form": "csv"}, name="report_csv"),
    path("advertise/campaigns/<int:pk>/report.xlsx", views.report_file, {"form": "xlsx"}, name="report_xlsx"),
    path("advertise/campaigns/<int:pk>/ads/<str:kind>/new/", views.ad_new, name="ad_new"),
    path("advertise/campaigns/<int:pk>/<str:verb>/", views.campaign_do, name="campaign_do"),
    path("advertise/ads/<int:pk>/", views.ad_edit, name="ad_edit"),
    path("advertise/ads/<int:pk>/delete/", views.ad_delete, name="ad_delete"),
    path("desk/ads/", desk.review, name="review"),
    path("desk/ads/<int:pk>/approve/", desk.approve, name="approve"),
    path("desk/ads/<int:pk>/refuse/", desk.refuse, name="refuse"),
    path("ads/events", api.events, name="events"),
    path("ads/slot/<str:place>/<str:kind>/<int:pk>/", api.slot, name="slot"),
]
