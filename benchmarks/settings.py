"""The settings of production, on a scratch folder, with one empty view added."""

import os

os.environ.update(
    DEBUG="0",
    SECRET_KEY="benchmark",
    STRIPE_API_KEY="sk_test_benchmark",
    STRIPE_WEBHOOK_SECRET="whsec_benchmark",
    ADS_TOKEN_KEYS="bench:benchmark",
    ALLOWED_HOSTS="127.0.0.1",
    SITE_URL="http://127.0.0.1",
    # One address asks for all of it.
    ADS_MOST_UNSEEN="1000000000",
    ADS_MOST_REPORTS="1000000000",
)

from megabox.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
SHORT_URLCONF = "benchmarks.short_urls"
# Static files are not measured, and collecting them takes a while.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405

if IS_SQLITE:  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "bench.sqlite3")}  # noqa: F405
