"""What every page beside music asks for all the time; answered the short way, see `megabox.middleware.short_way`."""

from django.urls import path

from ads.api import events, slots

urlpatterns = [
    path("ads/events", events.events, name="events"),
    path("ads/slot/<str:place>/<str:kind>/<int:pk>/", slots.slot, name="slot"),
    path("ads/spot/<int:pk>/", slots.spot, name="spot"),
]
