"""People in Django's own admin."""

from django.contrib import admin

from users.models import Mail, User


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    list_display = ["email", "name", "is_artist", "is_advertiser", "is_staff", "date_joined"]
    list_filter = ["is_artist", "is_advertiser", "is_staff", "is_active"]
    search_fields = ["email", "name"]
    exclude = ["password"]
    readonly_fields = ["last_login", "date_joined"]


@admin.register(Mail)
class MailAdmin(admin.ModelAdmin[Mail]):
    list_display = ["subject", "to", "state", "tries", "created_at", "sent_at"]
    list_filter = ["state"]
    search_fields = ["to", "subject"]

    def has_add_permission(self, request: object) -> bool:
        return False
