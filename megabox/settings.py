"""Every setting of Megabox, read from the environment; `.env.example` explains each variable.

Safe by default: without DEBUG nothing starts unless its secrets are given.
"""

from base64 import b64decode
from ipaddress import ip_network
from pathlib import Path

import django_stubs_ext
import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

# Lets annotations such as ModelAdmin[User] stand at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()
VAR_DIR.mkdir(parents=True, exist_ok=True)


def secret(name: str, *, in_development: str) -> str:
    """The secret `name` from the environment; a well-known value only while DEBUG is on."""
    value: str = env.str(name, default="")
    if value:
        return value
    if DEBUG:
        return in_development
    raise ImproperlyConfigured(f"Set {name} in the environment (see .env.example), or DEBUG=1 to try Megabox out.")


SECRET_KEY = secret("SECRET_KEY", in_development="development-only")
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
IS_HTTPS = SITE_URL.startswith("https://")

INSTALLED_APPS = [
    "megabox",
    "users",
    "ledger",
    "artists",
    "ads",
    "payouts",
    "store",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "megabox.middleware.content_policy",
    "megabox.middleware.short_way",
    "megabox.middleware.GZipText",
    "megabox.middleware.cache_anonymous_pages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "megabox.middleware.show_where_forms_are",
    "megabox.middleware.show_our_error_pages",
]
ROOT_URLCONF = "megabox.urls"
# What is asked all the time skips most of the middleware, see `megabox.middleware.short_way`.
SHORT_URLCONF = "ads.short_urls"
WSGI_APPLICATION = "megabox.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.static", "megabox.templatetags.money", "megabox.templatetags.face"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database: SQLite with nothing to set up, or whatever DATABASE_URL names -------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    # Our statements take milliseconds; PostgreSQL would compile some of them first, for forty.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c jit=off")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache and broker: Redis where there is one, files and memory where there is none -----------------
REDIS_URL = env.str("REDIS_URL", default="")
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(VAR_DIR / "cache"),
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    }

CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost/"
BROKER_DIR = VAR_DIR / "broker"
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {"visibility_timeout": 3600}
else:
    for folder in ("queue", "done", "control"):
        (BROKER_DIR / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "processed_folder": str(BROKER_DIR / "done"),
        "control_folder": str(BROKER_DIR / "control"),
        "store_processed": False,
    }
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
# Each room's sweeper is the guarantee that waiting rows are worked on even if every message is lost.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "send waiting mail": {"task": "users.tasks.sweep", "schedule": 15.0, "options": {"expires": 15}},
    "check and make waiting music": {"task": "artists.tasks.sweep", "schedule": 15.0, "options": {"expires": 15}},
    "make waiting spots and end campaigns": {"task": "ads.tasks.sweep", "schedule": 20.0, "options": {"expires": 20}},
    "pace campaigns": {"task": "ads.tasks.pace", "schedule": 60.0, "options": {"expires": 50}},
    "count reports that wait": {"task": "ads.tasks.count_reports", "schedule": 15.0, "options": {"expires": 15}},
    "settle ads": {"task": "ads.tasks.settle", "schedule": crontab(minute="7")},
    "close days of ads": {"task": "ads.tasks.close_days", "schedule": crontab(minute="37")},
    "look for spikes of views": {"task": "ads.tasks.look_for_spikes", "schedule": crontab(minute="22")},
    "ask sites whether they opt out": {"task": "ads.tasks.check_sites", "schedule": crontab(minute="2-59/5")},
    "destroy keys of days": {"task": "ads.tasks.destroy_day_keys", "schedule": crontab(minute="12")},
    "read masters again": {"task": "artists.tasks.verify", "schedule": 300.0, "options": {"expires": 300}},
    "follow splits that wait": {"task": "artists.tasks.follow_splits", "schedule": crontab(minute="27")},
    "delete files nobody needs": {"task": "artists.tasks.clean_up", "schedule": 3600.0, "options": {"expires": 3600}},
    "work on Stripe's events, ask about orders, finish gates": {
        "task": "store.tasks.sweep",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "check the books": {"task": "megabox.tasks.check_books_hourly", "schedule": crontab(minute="52")},
    "do checks that wait": {"task": "megabox.tasks.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "count statistics": {"task": "store.tasks.count_figures", "schedule": 60.0, "options": {"expires": 50}},
    "reconcile with Stripe": {"task": "store.tasks.reconcile", "schedule": crontab(minute="17")},
    "share out pools": {"task": "payouts.tasks.share_out_pools", "schedule": crontab(minute="47")},
    "issue statements": {"task": "payouts.tasks.issue_statements", "schedule": crontab(minute="52")},
    "send waiting payouts": {"task": "payouts.tasks.sweep", "schedule": 15.0, "options": {"expires": 15}},
}

# --- People --------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "users.hashers.Argon2idHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "users.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "users.forms.SignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_HTTPS else "http"
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
STAFF_MFA = env.str("STAFF_MFA", default="optional" if DEBUG else "required")
if STAFF_MFA != "required" and not DEBUG:
    raise ImproperlyConfigured("STAFF_MFA may be optional only while DEBUG is on.")

# Mail is written to the outbox; a worker sends it by MAIL_BACKEND.
EMAIL_BACKEND = "users.mail.OutboxBackend"
MAIL_BACKEND = env.str(
    "MAIL_BACKEND",
    default="django.core.mail.backends.filebased.EmailBackend"
    if DEBUG
    else "django.core.mail.backends.smtp.EmailBackend",
)
EMAIL_FILE_PATH = str(VAR_DIR / "mail")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Megabox <music@megabox.example>")
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)

# --- Time, language --------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True

# --- Files -----------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(VAR_DIR / "media")))
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT / "private")},
    },
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT / "private"), "base_url": None},
    },
    "public": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT / "public"), "base_url": "/media/"},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "megabox.statics.HashedStaticFiles",
    },
}
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=2 * 1024**3)
UPLOAD_QUOTA_BYTES = env.int("UPLOAD_QUOTA_BYTES", default=200 * 1024**3)
# So long a file that arrives in pieces may be gone on with after its last piece.
TRANSFER_DAYS = env.int("TRANSFER_DAYS", default=7)
# A format that was made because somebody asked for it is kept until nobody asked for it in so many days.
RENDITION_DAYS = env.int("RENDITION_DAYS", default=30)
if RENDITION_DAYS < 1:
    raise ImproperlyConfigured("RENDITION_DAYS is at least 1.")
MAX_TRACK_SECONDS = env.int("MAX_TRACK_SECONDS", default=3 * 3600)
FILE_UPLOAD_TEMP_DIR = str(VAR_DIR / "incoming")
Path(FILE_UPLOAD_TEMP_DIR).mkdir(parents=True, exist_ok=True)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
# A table of 500 tracks is one form.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# --- Money -----------------------------------------------------------------------------------------------
ADS_CURRENCY = env.str("ADS_CURRENCY", default="USD")
# For so long a process chooses ads from what it read of the campaigns.
ADS_SNAPSHOT_SECONDS = env.float("ADS_SNAPSHOT_SECONDS", default=3.0)
# So often a process writes down how many ads it was asked for and served; 0: at once, each time.
ADS_HOURS_SECONDS = env.float("ADS_HOURS_SECONDS", default=5.0)
# For so many days it is kept how each ad was chosen, without who it was chosen for; 0: nothing is.
ADS_DECISION_DAYS = env.int("ADS_DECISION_DAYS", default=7)
# For so long a process may spend what it leased of a campaign's budget; 0: every view is charged to the budget itself.
ADS_LEASE_SECONDS = env.int("ADS_LEASE_SECONDS", default=30)
# With Redis a report about an ad is appended to a stream and counted a moment later by `manage.py count_ads`.
ADS_STREAM = env.bool("ADS_STREAM", default=bool(REDIS_URL))
# Headless browsers are robots, except while developing: they walk the pages in tests.
ADS_COUNT_HEADLESS = env.bool("ADS_COUNT_HEADLESS", default=DEBUG)
# A file with the networks of data centres, whose views count nothing; without it no network does.
ADS_DATACENTRES = env.str("ADS_DATACENTRES", default="")
# So many views a day of people nobody knows, for one artist from one network, count in full; the next ones ever less.
ADS_FULL_VIEWS = env.int("ADS_FULL_VIEWS", default=3)
if ADS_FULL_VIEWS < 1:
    raise ImproperlyConfigured("ADS_FULL_VIEWS is at least 1.")
# So often all artists' promotions, each, are shown a day: nobody pays for them, and everybody shall have a turn.
ADS_PROMOTION_VIEWS = env.int("ADS_PROMOTION_VIEWS", default=1_000)
if ADS_PROMOTION_VIEWS < 1:
    raise ImproperlyConfigured("ADS_PROMOTION_VIEWS is at least 1.")
# So many offers that nobody has looked at yet somebody pays for in each network and process; more cost nobody anything.
ADS_MOST_UNSEEN = env.int("ADS_MOST_UNSEEN", default=200)
# So many batches of reports about ads may come from one network in a minute, in each process.
ADS_MOST_REPORTS = env.int("ADS_MOST_REPORTS", default=6_000)
# An hour stands out with at least so many views, and more than so many times the usual.
ADS_SPIKE_LEAST = env.int("ADS_SPIKE_LEAST", default=200)
ADS_SPIKE_TIMES = env.int("ADS_SPIKE_TIMES", default=8)
# So many ads of the extension may count for one wallet a day.
MEGAKEY_DAILY_ADS = env.int("MEGAKEY_DAILY_ADS", default=60)
# Replacing ads of other sites; off until the operator has read docs/megakey.md and has a key to sign the list with.
MEGAKEY_REPLACES = env.bool("MEGAKEY_REPLACES", default=False)
# Resolvers that are asked for the TXT record of a claimed site, each for itself: `address` or `address#port`.
MEGAKEY_RESOLVERS = env.list("MEGAKEY_RESOLVERS", default=["9.9.9.9", "1.1.1.1", "8.8.8.8"])
# An Ed25519 private key, 32 bytes in base64.
MEGAKEY_LIST_KEY = env.str("MEGAKEY_LIST_KEY", default="ZGV2ZWxvcG1lbnQtb25seS1tZWdha2V5LWxpc3Qta2U=" if DEBUG else "")
# Sites of such a rank are large enough to be on the list.
MEGAKEY_MOST_RANK = env.int("MEGAKEY_MOST_RANK", default=1_000)
try:
    IS_LIST_KEY = len(b64decode(MEGAKEY_LIST_KEY, validate=True)) == 32
except ValueError:
    IS_LIST_KEY = False
if (MEGAKEY_REPLACES or MEGAKEY_LIST_KEY) and not IS_LIST_KEY:
    raise ImproperlyConfigured("MEGAKEY_LIST_KEY is 32 bytes in base64; `openssl rand -base64 32` makes one.")
# How the artists' pool is shared; what was shared keeps the model it was shared by.
POOL_MODEL = env.str("POOL_MODEL", default="user-centric")
if POOL_MODEL not in ("user-centric", "pro-rata", "artist-centric"):
    raise ImproperlyConfigured("POOL_MODEL is user-centric, pro-rata or artist-centric.")
# Whether guests, who are nobody we know, count as listeners of the pool.
POOL_GUESTS = env.bool("POOL_GUESTS", default=True)
SALE_CURRENCIES = env.list("SALE_CURRENCIES", default=["USD", "EUR", "GBP"])
# Without a key of Stripe's the local stand-in answers; `manage.py run` starts it.
STANDIN_URL = env.str("STANDIN_URL", default="http://127.0.0.1:8001") if DEBUG else ""
STRIPE_API_KEY = secret("STRIPE_API_KEY", in_development="sk_test_standin")
STRIPE_WEBHOOK_SECRET = secret("STRIPE_WEBHOOK_SECRET", in_development="whsec_standin_development_only")
IS_STANDIN = DEBUG and STRIPE_API_KEY == "sk_test_standin"
STRIPE_API_BASE = STANDIN_URL if IS_STANDIN else None
# Ids of Stripe's tax rates that are added to every sale; without them prices are charged as they are.
STRIPE_TAX_RATES = env.list("STRIPE_TAX_RATES", default=[])
# The operator's own account, which SEPA files are paid from; without it euros go into the file paid by hand.
SEPA_DEBTOR_NAME = env.str("SEPA_DEBTOR_NAME", default="")
SEPA_DEBTOR_IBAN = env.str("SEPA_DEBTOR_IBAN", default="")
SEPA_DEBTOR_BIC = env.str("SEPA_DEBTOR_BIC", default="")

# Key ids to secrets; tokens name their key, so keys can be rotated: "new:secret,old:secret", newest first.
ADS_TOKEN_KEYS = dict(
    pair.split(":", 1) for pair in secret("ADS_TOKEN_KEYS", in_development="dev:development-only").split(",")
)

# --- Security --------------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=IS_HTTPS)
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
# The networks of our own proxies: only what they write into X-Forwarded-For is believed.
try:
    TRUSTED_PROXIES = [ip_network(text) for text in env.list("TRUSTED_PROXIES", default=[])]
except ValueError as fault:
    raise ImproperlyConfigured(f"TRUSTED_PROXIES holds addresses or networks: {fault}.") from None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        # Chromium applies form-action to the redirect after the form, so the payment page must be named.
        "form-action": [SELF, "https://checkout.stripe.com", "https://connect.stripe.com"]
        + ([STANDIN_URL] if IS_STANDIN else []),
    },
}

# --- API -------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.CursorPagination",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Megabox",
    "DESCRIPTION": "The catalogue of Megabox: artists, albums and tracks.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
