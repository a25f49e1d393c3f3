import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("artists", "0010_transfers"),
    ]

    operations = [
        migrations.AddField(
            model_name="play",
            name="place",
            field=models.CharField(
                blank=True,
                choices=[
                    ("home", "the home page"),
                    ("search", "search"),
                    ("artist", "the artist’s page"),
                    ("album", "the album’s page"),
                    ("track", "the track’s page"),
                    ("library", "a library"),
                    ("embed", "a player on another site"),
                    ("", "elsewhere"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="play",
            name="site",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="A host, never a path.", max_length=100
            ),
        ),
        migrations.AddField(
            model_name="play",
            name="country",
            field=models.CharField(blank=True, db_default="", default="", max_length=2),
        ),
        migrations.AddField(
            model_name="play",
            name="completed_at",
            field=models.DateTimeField(blank=True, help_text="When nine tenths of it had been heard.", null=True),
        ),
        migrations.CreateModel(
            name="Skip",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("listener_key", models.CharField(max_length=120)),
                (
                    "slot",
                    models.BigIntegerField(
                        help_text="The span of time in which this listener's skips of it count once."
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "track",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="skips", to="artists.track"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="skip_time")],
                "constraints": [
                    models.UniqueConstraint(fields=("listener_key", "track", "slot"), name="skip_once_per_slot"),
                    models.CheckConstraint(condition=~models.Q(("listener_key", "")), name="skip_has_a_listener"),
                ],
            },
        ),
    ]
