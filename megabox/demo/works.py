"""What the demo catalogue holds: artists, albums, songs, and their words. Music and pictures: CC0 1.0."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from . import banners, portraits, sleeves
from .mixing import Stereo
from .songs import jingles, lowland_brass, nova_kit, paper_boats, pocket_comet

LICENCE = "CC0-1.0"
RIGHTS = "No rights reserved (CC0 1.0). Made by Megabox's own synthesiser for its demo."


@dataclass(frozen=True)
class Song:
    """One track: its title, who plays it, and how many days later than its album it could be bought alone."""

    title: str
    play: Callable[[], Stereo]
    price_micros: int | None = 1_200_000


@dataclass(frozen=True)
class Work:
    """An album: its songs, its sleeve, what it costs, and how many days before the first run it came out.

    One with days below zero is announced, can be ordered before it is out, and its songs are heard before.
    """

    title: str
    artist: str
    sleeve: Callable[[], Image.Image]
    songs: tuple[Song, ...]
    genre: str
    tags: tuple[str, ...]
    description: str
    days_ago: int
    price_micros: int = 7_000_000
    is_name_your_price: bool = False
    free_mode: str = "AD"
    free_after_days: int | None = None
    are_songs_free: bool = True
    container: str = "wav"
    shared_with: tuple[tuple[str, str, str, int], ...] = ()
    """Who of the cast signed its split: who, the name in the sheet, the role, basis points."""

    @property
    def is_coming(self) -> bool:
        """Whether it is announced only."""
        return self.days_ago < 0


@dataclass(frozen=True)
class Act:
    """An artist, and who manages them."""

    name: str
    owner: str
    portrait: Callable[[], Image.Image]
    location: str
    bio: str
    credit: str


ACTS = (
    Act(
        "Nova Kit",
        "nina",
        portraits.nova_kit,
        "Rotterdam",
        "Nina Kit builds songs for the hours when only buses and bakers are up: arpeggios, wide chords, "
        "a lead that means it. Every track here is played by a synthesiser written for it.",
        "Nina Kit",
    ),
    Act(
        "The Paper Boats",
        "tom",
        portraits.the_paper_boats,
        "Galway",
        "Two guitars, a whistle, a harmonium and a bass that knows the way home. "
        "The Paper Boats play tunes for short crossings.",
        "Tom Ferrier",
    ),
    Act(
        "Lowland Brass",
        "ilse",
        portraits.lowland_brass,
        "Zwolle",
        "Nine players, one church with a long echo. Chorales, a march, and weather.",
        "Ilse van Dijk",
    ),
    Act(
        "Pocket Comet",
        "pia",
        portraits.pocket_comet,
        "Tampere",
        "Three voices and some noise, as in 1988. All of it is simply free.",
        "Pia Lahti",
    ),
)

WORKS = (
    Work(
        "First Light",
        "Nova Kit",
        sleeves.first_light,
        (
            Song("Ignition", nova_kit.ignition),
            Song("Glass Highway", nova_kit.glass_highway),
            Song("Neon Rain", nova_kit.neon_rain),
            Song("First Light", nova_kit.first_light),
        ),
        "electronic",
        ("synthwave", "night", "instrumental"),
        "Four songs from a drive that began at midnight and ended with the sun in the mirror.",
        days_ago=44,
    ),
    Work(
        "Ferry Songs",
        "The Paper Boats",
        sleeves.ferry_songs,
        (
            Song("Paper Boats", paper_boats.paper_boats),
            Song("The Slow Ferry", paper_boats.the_slow_ferry),
            Song("Salt on the Window", paper_boats.salt_on_the_window),
            Song("Home by Harvest", paper_boats.home_by_harvest),
        ),
        "folk",
        ("acoustic", "waltz", "reel"),
        "A waltz, a crossing, a rainy window and a reel. Recorded, so to speak, in one room.",
        days_ago=39,
        price_micros=8_000_000,
        container="flac",
        shared_with=(
            ("tom", "The Paper Boats", "ARTIST", 6_500),
            ("maeve", "Maeve Quinn", "PERFORMER", 2_000),
            ("harbour", "Harbour Records", "LABEL", 1_500),
        ),
    ),
    Work(
        "Dike and Sky",
        "Lowland Brass",
        sleeves.dike_and_sky,
        (
            Song("Dike and Sky", lowland_brass.dike_and_sky, None),
            Song("Seven Bridges", lowland_brass.seven_bridges, None),
            Song("Fog over the Polder", lowland_brass.fog_over_the_polder, None),
        ),
        "classical",
        ("brass", "chorale", "march"),
        "Played in the church of a village below the sea. Had as a whole, because it is one.",
        days_ago=31,
        price_micros=9_000_000,
        free_mode="LATER",
        free_after_days=90,
        are_songs_free=False,
    ),
    Work(
        "Night Bus Maps",
        "Nova Kit",
        sleeves.night_bus_maps,
        (
            Song("Last Stop, Harbour", nova_kit.last_stop_harbour),
            Song("Line Nine", nova_kit.line_nine),
            Song("Empty Upper Deck", nova_kit.empty_upper_deck),
        ),
        "house",
        ("downtempo", "deep house", "ambient"),
        "Three lines through the same city. Pay what the ride was worth to you.",
        days_ago=19,
        price_micros=4_000_000,
        is_name_your_price=True,
    ),
    Work(
        "Sixteen Pixels",
        "Pocket Comet",
        sleeves.sixteen_pixels,
        (
            Song("Press Start", pocket_comet.press_start, None),
            Song("Cloud Level", pocket_comet.cloud_level, None),
        ),
        "experimental",
        ("chiptune", "games"),
        "Insert no coin. Free, for ever; put something in the hat if you like.",
        days_ago=9,
        price_micros=0,
        is_name_your_price=True,
        free_mode="FREE",
        container="flac",
    ),
    Work(
        "Winter Timetable",
        "Nova Kit",
        sleeves.winter_timetable,
        (Song("Departure", nova_kit.departure),),
        "house",
        ("downtempo", "ambient", "winter"),
        "Fewer buses, longer nights. It grows until the day it leaves; this is the first sketch.",
        days_ago=-30,
        price_micros=5_000_000,
    ),
)


@dataclass(frozen=True)
class Spot:
    """An ad: a picture, a sound or only words. `words` is what is read where nothing can be heard."""

    title: str
    body: str
    link: str
    picture: Callable[[], Image.Image] | None = None
    sound: Callable[[], Stereo] | None = None
    words: str = ""
    is_approved: bool = True


@dataclass(frozen=True)
class Push:
    """A campaign: its price for a thousand views, its budget, where it is shown, its ads."""

    name: str
    cpm_micros: int
    budget_micros: int
    places: tuple[str, ...]
    spots: tuple[Spot, ...]
    genres: tuple[str, ...] = ()
    daily_cap_micros: int | None = None
    is_live: bool = True


PUSHES = (
    Push(
        "Kettle & Co.: first leaf",
        6_000_000,
        24_000_000,
        ("gate", "page", "player"),
        (
            Spot(
                "First leaf, second cup",
                "Loose tea from three gardens, by post. The first tin is on us.",
                "https://kettle.demo.megabox.test/first-tin",
                picture=banners.kettle,
                words="A cup of tea on a red circle. First leaf, second cup. Loose tea from three gardens, by post.",
            ),
            Spot(
                "A tune for the kettle",
                "Fifteen seconds, about as long as the first steam.",
                "https://kettle.demo.megabox.test/first-tin",
                sound=jingles.kettle,
                words="Music: mandolin and whistle, bright and unhurried. Kettle & Co. First leaf, second cup. "
                "Three gardens send you their loose tea by post, and the first tin is on us.",
            ),
        ),
    ),
    Push(
        "Velo: leave the car",
        6_000_000,
        18_000_000,
        ("gate", "page"),
        (
            Spot(
                "Leave the car",
                "City bikes, serviced for life.",
                "https://velo.demo.megabox.test/ride",
                picture=banners.velo,
                words="A bicycle before a yellow sun. Leave the car. City bikes, serviced for life.",
            ),
            Spot(
                "Off we go",
                "Velo: city bikes, serviced for life.",
                "https://velo.demo.megabox.test/ride",
                sound=jingles.velo,
                words="Music: turning wheels of sound, a bicycle bell, and off it goes. Velo. Leave the car. "
                "City bikes, serviced for life.",
            ),
            Spot(
                "Winter service: free in December",
                "Brakes, chain, lights. Bring your bike, drink a coffee, ride home.",
                "https://velo.demo.megabox.test/winter",
                is_approved=False,
            ),
        ),
        daily_cap_micros=2_000_000,
    ),
    Push(
        "Lantern Books: one more chapter",
        6_500_000,
        8_000_000,
        ("page", "player"),
        (
            Spot(
                "One more chapter",
                "Open until midnight on the old quay.",
                "https://lantern.demo.megabox.test/tonight",
                picture=banners.lantern_books,
                words="Books under a lamp. One more chapter. Open until midnight on the old quay.",
            ),
            Spot(
                "Read to something",
                "Every Thursday: a record, a lamp, a chair. Lantern Books, on the old quay.",
                "https://lantern.demo.megabox.test/thursdays",
            ),
        ),
        genres=("folk", "classical"),
    ),
    Push(
        "Kettle & Co.: winter tins",
        7_000_000,
        6_000_000,
        ("gate", "page"),
        (
            Spot(
                "Winter tins are packed",
                "Smoke, orange, cardamom. Only until they are gone.",
                "https://kettle.demo.megabox.test/winter",
            ),
        ),
        is_live=False,
    ),
)


def songs() -> Iterator[tuple[Work, int, Song]]:
    """Every song with its album and its place on it."""
    for work in WORKS:
        for position, song in enumerate(work.songs, 1):
            yield work, position, song
