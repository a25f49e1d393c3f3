"""The catalogue's addresses under `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from artists import api

router = SimpleRouter(use_regex_path=False)
router.register("artists", api.ArtistViewSet, basename="api-artist")
router.register("albums", api.AlbumViewSet, basename="api-album")
router.register("tracks", api.TrackViewSet, basename="api-track")
urlpatterns = router.urls
