"""Views that were settled keep their entries: they stand first in the line, entry by entry, and all others behind."""

from django.db import migrations
from django.utils import timezone

NUMBER = """
    UPDATE ads_impression SET number = ranked.place
    FROM (
        SELECT id, row_number() OVER (ORDER BY posting_n IS NULL, posting_n, viewed_at, id) AS place
        FROM ads_impression
    ) AS ranked
    WHERE ranked.id = ads_impression.id"""

ENTRIES = """
    INSERT INTO ads_groupentry (group_id, n, "after", through, "count", posted_micros, gross_micros)
    SELECT group_id, posting_n,
        coalesce(lag(max(number)) OVER (PARTITION BY group_id ORDER BY posting_n), 0), max(number), count(*),
        sum(price_micros), coalesce(sum(CASE WHEN state = 'VIEWED' THEN price_micros END), 0)
    FROM ads_impression
    WHERE group_id IS NOT NULL
    GROUP BY group_id, posting_n"""

GROUPS = """
    UPDATE ads_impressiongroup SET
        billed_through = coalesce(
            (SELECT max(through) FROM ads_groupentry WHERE ads_groupentry.group_id = ads_impressiongroup.id), 0
        ),
        rejected_count = (
            SELECT count(*) FROM ads_impression
            WHERE ads_impression.group_id = ads_impressiongroup.id AND ads_impression.state = 'REJECTED'
        )"""

SETTLEMENT = """
    INSERT INTO ads_settlement (through, at)
    SELECT last, %s FROM (SELECT max(through) AS last FROM ads_groupentry) AS found WHERE last IS NOT NULL"""

# Only a view that was rejected after it had been billed still says by which entry.
FORGET = "UPDATE ads_impression SET posting_n = NULL WHERE state = 'VIEWED'"


def number(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        for statement in (NUMBER, ENTRIES, GROUPS):
            cursor.execute(statement)
        cursor.execute(SETTLEMENT, [connection.ops.adapt_datetimefield_value(timezone.now())])
        cursor.execute(FORGET)
        if connection.vendor == "postgresql":
            cursor.execute("CREATE SEQUENCE ads_impression_number OWNED BY ads_impression.number")
            cursor.execute("SELECT setval('ads_impression_number', max(number)) FROM ads_impression")


class Migration(migrations.Migration):
    dependencies = [("ads", "0003_views_stand_in_line")]

    operations = [migrations.RunPython(number)]
