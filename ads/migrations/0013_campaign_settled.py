from django.db import migrations, models

FROM_GROUPS = """
    UPDATE ads_campaign SET settled_micros = coalesce(
        (SELECT sum(gross_micros) FROM ads_impressiongroup WHERE campaign_id = ads_campaign.id), 0)"""


class Migration(migrations.Migration):
    dependencies = [
        ("ads", "0012_reports_that_are_parked"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="settled_micros",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="The part of what was spent that is billed: what its groups say stands.",
            ),
        ),
        migrations.RunSQL(FROM_GROUPS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("settled_micros__gte", 0), ("settled_micros__lte", models.F("spent_micros"))),
                name="campaign_settles_what_was_spent",
            ),
        ),
    ]
