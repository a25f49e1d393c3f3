"""Views are billed by their number; nothing else says so any more."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("ads", "0004_number_the_views")]

    operations = [
        migrations.RemoveIndex(model_name="impression", name="impression_unposted"),
        migrations.RemoveIndex(model_name="impression", name="impression_group"),
        migrations.RemoveField(model_name="impression", name="group"),
        migrations.AlterField(
            model_name="impression",
            name="number",
            field=models.BigIntegerField(editable=False, unique=True),
        ),
        migrations.AlterField(
            model_name="impression",
            name="posting_n",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Of a rejected view: the n of the entry that had billed it, if one had.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="impression",
            constraint=models.CheckConstraint(condition=Q(("number__gt", 0)), name="impression_number_positive"),
        ),
        migrations.AddConstraint(
            model_name="impression",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("posting_n__isnull", True), Q(("posting_n__gt", 0), ("state", "REJECTED")), _connector="OR"
                ),
                name="impression_rejected_knows_its_entry",
            ),
        ),
    ]
