"""The studio's addresses. The pages of artists, albums and tracks that listeners see are the store's."""

from django.urls import path

from artists.studio import albums, artists, tracks, uploads

app_name = "artists"
urlpatterns = [
    path("studio/", artists.index, name="index"),
    path("studio/start/", artists.start, name="start"),
    path("studio/artists/new/", artists.new_artist, name="new_artist"),
    path("studio/artists/<int:artist_id>/", artists.edit_artist, name="artist"),
    path("studio/artists/<int:artist_id>/picture/", artists.set_picture, name="artist_picture"),
    path("studio/albums/new/", albums.new_album, name="new_album"),
    path("studio/albums/<int:album_id>/", albums.album, name="album"),
    path("studio/albums/<int:album_id>/cover/", albums.set_cover, name="cover"),
    path("studio/albums/<int:album_id>/simulation/", albums.simulation, name="simulation"),
    path("studio/albums/<int:album_id>/preview/", albums.preview, name="preview"),
    path("studio/albums/<int:album_id>/publish/", albums.publish, name="publish"),
    path("studio/albums/<int:album_id>/withdraw/", albums.withdraw, name="withdraw"),
    path("studio/albums/<int:album_id>/delete/", albums.delete, name="delete_album"),
    path("studio/albums/<int:album_id>/tracks/", tracks.table, name="tracks"),
    path("studio/albums/<int:album_id>/upload/", uploads.upload, name="upload"),
    path("studio/albums/<int:album_id>/uploads/", uploads.album_status, name="uploads"),
    path("studio/uploads/<int:upload_id>/", uploads.status, name="upload_status"),
    path("studio/uploads/<int:upload_id>/retry/", uploads.retry, name="retry_upload"),
    path("studio/uploads/<int:upload_id>/dismiss/", uploads.dismiss, name="dismiss_upload"),
    path("studio/tracks/<int:track_id>/", tracks.edit, name="track"),
    path("studio/tracks/<int:track_id>/move/", tracks.move, name="move_track"),
    path("studio/tracks/<int:track_id>/remove/", tracks.remove, name="remove_track"),
    path("studio/tracks/<int:track_id>/retry/", tracks.retry, name="retry_track"),
]
