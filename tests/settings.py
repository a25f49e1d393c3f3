"""The settings of tests: the real ones, with everything local state in a folder of its own."""

import os
import tempfile

os.environ["DEBUG"] = "1"
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="megabox-tests-"))
os.environ["SITE_URL"] = "http://testserver"

from megabox.settings import *  # noqa: F403
from megabox.settings import DATABASES, IS_SQLITE, VAR_DIR

DEBUG = False
ALLOWED_HOSTS = ["*"]
if IS_SQLITE:
    # A file, not memory: threads and killed processes must meet the same database as in life.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    # The server is never killed here, only its clients: nothing is lost by not waiting for the disk.
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
# A campaign made by a test is there at once, and gone with it.
ADS_SNAPSHOT_SECONDS = 0.0
ADS_HOURS_SECONDS = 0.0
# What is told about the stream turns it on, and so does what is told about replays.
ADS_STREAM = False
ADS_DECISION_DAYS = 0
