"""The listener's addresses. Slugs are Unicode, so they are plain strings here; the studio uses ids."""

from django.urls import path

from store import balance_pages, cart_pages, gate_pages, library_pages, listening, order_pages, pages, studio, webhooks

app_name = "store"
urlpatterns = [
    path("", pages.home, name="home"),
    path("search", pages.search, name="search"),
    path("artists/<str:artist_slug>/", pages.artist, name="artist"),
    path("artists/<str:artist_slug>/<str:album_slug>/", pages.album, name="album"),
    path("artists/<str:artist_slug>/<str:album_slug>/<str:track_slug>/", pages.track, name="track"),
    # What a page for everybody asks for apart, because it depends on who looks.
    path("buy/<str:kind>/<int:pk>/", cart_pages.buy_block, name="buy_block"),
    path("cart/", cart_pages.cart, name="cart"),
    path("cart/add/<str:kind>/<int:pk>/", cart_pages.add, name="cart_add"),
    path("cart/remove/<int:pk>/", cart_pages.remove, name="cart_remove"),
    path("cart/buy/", cart_pages.buy, name="cart_buy"),
    path("cart/deposit/", cart_pages.deposit, name="deposit"),
    path("orders/<uuid:pk>/", order_pages.order, name="order"),
    path("orders/<uuid:pk>/again/", order_pages.try_again, name="order_again"),
    path("stripe/webhook/", webhooks.stripe, name="stripe_webhook"),
    path("library/", library_pages.library, name="library"),
    path("library/download/<str:kind>/<int:pk>/<str:recipe>/", library_pages.download, name="download"),
    path("wallet/", library_pages.wallet, name="wallet"),
    path("get/track/<int:pk>/", gate_pages.choose, {"kind": "track"}, name="get_track"),
    path("get/album/<int:pk>/", gate_pages.choose, {"kind": "album"}, name="get_album"),
    path("get/<uuid:pk>/", gate_pages.gate, name="gate"),
    path("get/<uuid:pk>/start/", gate_pages.start, name="gate_start"),
    path("get/<uuid:pk>/viewed/", gate_pages.viewed, name="gate_viewed"),
    path("get/<uuid:pk>/state/", gate_pages.state, name="gate_state"),
    path("get/<uuid:pk>/receipt/", gate_pages.receipt, name="gate_receipt"),
    path("get/<uuid:pk>/file/", gate_pages.file, name="gate_file"),
    path("stream/<int:pk>/", listening.stream, name="stream"),
    path("plays/", listening.played, name="plays"),
    path("desk/stripe/", balance_pages.reconciliation, name="reconciliation"),
    path("desk/stripe/now/", balance_pages.reconcile, name="reconcile"),
    path("desk/stripe/<int:pk>/", balance_pages.balance_transaction, name="balance_transaction"),
    path("desk/stripe/<int:pk>/decide/", balance_pages.decide, name="decide"),
    path("desk/stripe/decisions/<int:decision_id>/take-back/", balance_pages.take_back, name="take_back"),
    path("desk/by-hand/", balance_pages.by_hand, name="by_hand"),
    path("desk/by-hand/vat/", balance_pages.pay_vat, name="pay_vat"),
    path("studio/stats/", studio.stats, name="stats"),
    path("studio/stats.csv", studio.stats_file, {"form": "csv"}, name="stats_csv"),
    path("studio/stats.xlsx", studio.stats_file, {"form": "xlsx"}, name="stats_xlsx"),
]
