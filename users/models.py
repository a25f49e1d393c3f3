"""People who sign in, and the mail that waits to be sent to them."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from megabox.claims import Claimable


class UserManager(BaseUserManager["User"]):
    """Makes people; e-mail addresses are kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new person. Without a password they cannot log in by password."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new person who may do everything, for `manage.py createsuperuser`."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in by e-mail. Everybody is a listener; the other roles are added."""

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=120, blank=True, default="")
    is_artist = models.BooleanField(default=False, help_text="May upload and sell music.")
    is_advertiser = models.BooleanField(default=False, help_text="May run campaigns.")
    is_staff = models.BooleanField(default=False, help_text="May use the desk.")
    is_active = models.BooleanField(default=True)
    country = models.CharField(max_length=2, blank=True, default="")
    time_zone = models.CharField(max_length=64, default="UTC")
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email.split("@")[0]


class Mail(Claimable):
    """One letter in the outbox. Its key makes sure that it is written once."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", "queued"
        SENT = "SENT", "sent"
        DEAD = "DEAD", "given up"

    key = models.CharField(max_length=200, unique=True)
    to = models.EmailField()
    subject = models.CharField(max_length=300)
    body = models.TextField()
    html = models.TextField(blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    tries = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    next_try_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["state", "next_try_at"], name="mail_waiting")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="SENT", sent_at__isnull=False) | ~models.Q(state="SENT"),
                name="mail_sent_has_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"
