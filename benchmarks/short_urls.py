"""The short way with one view more, which does nothing: the limit of what is asked all the time."""

from django.urls import path

from ads.short_urls import urlpatterns as house
from benchmarks.urls import empty

urlpatterns = [path("bench/short/", empty), *house]
