from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("artists", "0013_sheets_and_exports")]

    operations = [
        migrations.AddField(
            model_name="original",
            name="fault",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What is wrong with its bytes, for its artist: nothing is sold with it then.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="original",
            name="verified_at",
            field=models.DateTimeField(blank=True, help_text="When its bytes were last read and compared.", null=True),
        ),
        migrations.AddIndex(
            model_name="original",
            index=models.Index(fields=["verified_at"], name="original_verified"),
        ),
        migrations.AddField(
            model_name="rendition",
            name="asked_at",
            field=models.DateTimeField(
                blank=True, help_text="When it was last asked for, if it is not made ahead; else empty.", null=True
            ),
        ),
    ]
