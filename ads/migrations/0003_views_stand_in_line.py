"""Room for the line in which views are billed; the next migration fills it."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("ads", "0002_campaign_stops_and_tries")]

    operations = [
        migrations.CreateModel(
            name="Settlement",
            fields=[
                ("through", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="GroupEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveIntegerField()),
                ("after", models.BigIntegerField()),
                ("through", models.BigIntegerField()),
                ("count", models.PositiveBigIntegerField()),
                ("posted_micros", models.BigIntegerField()),
                ("gross_micros", models.BigIntegerField()),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="ads.impressiongroup",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "group entries",
                "constraints": [
                    models.UniqueConstraint(fields=("group", "n"), name="group_entry_once"),
                    models.UniqueConstraint(fields=("group", "through"), name="group_entry_ends_once"),
                    models.CheckConstraint(
                        condition=Q(
                            ("after__gte", 0),
                            ("count__gt", 0),
                            ("n__gt", 0),
                            ("posted_micros__gt", 0),
                            ("through__gt", F("after")),
                        ),
                        name="group_entry_bills_something",
                    ),
                    models.CheckConstraint(
                        condition=Q(("gross_micros__gte", 0), ("gross_micros__lte", F("posted_micros"))),
                        name="group_entry_gross_was_posted",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="impressiongroup",
            name="billed_through",
            field=models.BigIntegerField(db_index=True, default=0),
        ),
        migrations.AddField(
            model_name="impressiongroup",
            name="rejected_count",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.RemoveConstraint(model_name="impression", name="impression_posted_knows_its_entry"),
        migrations.AddField(
            model_name="impression",
            name="number",
            field=models.BigIntegerField(editable=False, null=True),
        ),
    ]
