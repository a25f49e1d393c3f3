"""The lists artists choose from when they describe their music."""

from django.db import models


class Genre(models.TextChoices):
    """One list for albums and campaigns, so that an advertiser's choice meets an artist's."""

    AMBIENT = "ambient", "Ambient"
    BLUES = "blues", "Blues"
    CLASSICAL = "classical", "Classical"
    COUNTRY = "country", "Country"
    DUB = "dub", "Dub"
    ELECTRONIC = "electronic", "Electronic"
    EXPERIMENTAL = "experimental", "Experimental"
    FOLK = "folk", "Folk"
    FUNK = "funk", "Funk"
    HIP_HOP = "hip-hop", "Hip-hop"
    HOUSE = "house", "House"
    JAZZ = "jazz", "Jazz"
    LATIN = "latin", "Latin"
    METAL = "metal", "Metal"
    POP = "pop", "Pop"
    PUNK = "punk", "Punk"
    REGGAE = "reggae", "Reggae"
    ROCK = "rock", "Rock"
    SOUL = "soul", "Soul and R&B"
    SOUNDTRACK = "soundtrack", "Soundtrack"
    SPOKEN = "spoken", "Spoken word"
    TECHNO = "techno", "Techno"
    WORLD = "world", "World"
    OTHER = "other", "Something else"


class Mood(models.TextChoices):
    """One list for albums and campaigns, like the genres."""

    CALM = "calm", "Calm"
    DARK = "dark", "Dark"
    DREAMY = "dreamy", "Dreamy"
    ENERGETIC = "energetic", "Energetic"
    HAPPY = "happy", "Happy"
    MELANCHOLIC = "melancholic", "Melancholic"
    PLAYFUL = "playful", "Playful"
    ROMANTIC = "romantic", "Romantic"
    SOLEMN = "solemn", "Solemn"
    TENSE = "tense", "Tense"


class Language(models.TextChoices):
    """What is sung, by ISO 639: one list for albums and campaigns."""

    ARABIC = "ar", "Arabic"
    BENGALI = "bn", "Bengali"
    CHINESE = "zh", "Chinese"
    CZECH = "cs", "Czech"
    DANISH = "da", "Danish"
    DUTCH = "nl", "Dutch"
    ENGLISH = "en", "English"
    FINNISH = "fi", "Finnish"
    FRENCH = "fr", "French"
    GERMAN = "de", "German"
    GREEK = "el", "Greek"
    HEBREW = "he", "Hebrew"
    HINDI = "hi", "Hindi"
    HUNGARIAN = "hu", "Hungarian"
    ICELANDIC = "is", "Icelandic"
    INDONESIAN = "id", "Indonesian"
    IRISH = "ga", "Irish"
    ITALIAN = "it", "Italian"
    JAPANESE = "ja", "Japanese"
    KOREAN = "ko", "Korean"
    MAORI = "mi", "Māori"
    NORWEGIAN = "no", "Norwegian"
    PERSIAN = "fa", "Persian"
    POLISH = "pl", "Polish"
    PORTUGUESE = "pt", "Portuguese"
    ROMANIAN = "ro", "Romanian"
    RUSSIAN = "ru", "Russian"
    SPANISH = "es", "Spanish"
    SWAHILI = "sw", "Swahili"
    SWEDISH = "sv", "Swedish"
    TAMIL = "ta", "Tamil"
    THAI = "th", "Thai"
    TURKISH = "tr", "Turkish"
    UKRAINIAN = "uk", "Ukrainian"
    VIETNAMESE = "vi", "Vietnamese"
    WELSH = "cy", "Welsh"
    YORUBA = "yo", "Yoruba"
    OTHER = "mul", "Several, or another one"
    NONE = "zxx", "Nothing is sung"


class Licence(models.TextChoices):
    """What buyers may do with the music."""

    ALL_RIGHTS = "all-rights-reserved", "All rights reserved"
    CC_BY = "CC-BY-4.0", "CC BY 4.0: share and adapt, name the artist"
    CC_BY_SA = "CC-BY-SA-4.0", "CC BY-SA 4.0: the same, under the same licence"
    CC_BY_NC = "CC-BY-NC-4.0", "CC BY-NC 4.0: not for business"
    CC_BY_NC_SA = "CC-BY-NC-SA-4.0", "CC BY-NC-SA 4.0: not for business, under the same licence"
    CC_BY_ND = "CC-BY-ND-4.0", "CC BY-ND 4.0: share unchanged"
    CC_BY_NC_ND = "CC-BY-NC-ND-4.0", "CC BY-NC-ND 4.0: not for business, share unchanged"
    CC0 = "CC0-1.0", "CC0: no rights reserved"

    @property
    def url(self) -> str:
        """Where its text is; empty for all rights reserved, which has none."""
        if self is Licence.CC0:
            return "https://creativecommons.org/publicdomain/zero/1.0/"
        return f"https://creativecommons.org/licenses/{self[3:-4].lower()}/4.0/" if self.startswith("CC-") else ""
