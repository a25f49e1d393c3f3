"""Pictures of the demo's artists: emblems rather than faces, because nobody of them exists."""

import math

import numpy as np
from PIL import Image, ImageDraw

from .ink import SIDE, canvas, finished, gradient, mask, overprint, points, scaled, shadow, worn
from .shapes import folded_boat


def nova_kit() -> Image.Image:
    """A keyboard at night, and a star that rises behind it."""
    image = gradient([(0, "#0e0b24"), (0.6, "#43205f"), (1, "#ff5f6d")])
    pen = ImageDraw.Draw(image)
    for ray in range(48):
        angle = math.pi * (1 + ray / 47)
        far = (700 + 1300 * math.cos(angle), 900 + 1300 * math.sin(angle))
        pen.line(points((700, 900), far), fill="#5a2a73", width=4)
    pen.ellipse(scaled(420, 560, 980, 1120), fill="#ffd089")
    pen.rectangle(scaled(0, 880, SIDE, SIDE), fill="#140f28")
    for key in range(10):
        left = -102 + key * 162
        pen.rounded_rectangle(scaled(left, 860, left + 148, 1500), radius=24, fill="#fff6e8")
    for key in (0, 1, 2, 4, 5, 7, 8):
        left = -102 + key * 162 + 104
        pen.rounded_rectangle(scaled(left, 840, left + 102, 1180), radius=18, fill="#140f28")
    return finished(image, seed=11, grain=5)


def the_paper_boats() -> Image.Image:
    """Two boats in a bottle-green night, cut from paper."""
    image, _ = canvas("#16454b")
    plate, draw = mask()
    draw.ellipse(scaled(180, 160, 1220, 1200), fill=255)
    shadow(image, plate, offset=(8, 14), blur=18, dark=0.5)
    image.paste("#f6e3c3", mask=plate)
    folded_boat(image, 890, 892, 1.0, "#fffaf0")
    folded_boat(image, 500, 926, 1.55, "#fff6e6")
    for level, colour, phase in ((940, "#3c8d8f", 0.3), (1080, "#245f69", 1.6), (1220, "#123d47", 2.7)):
        plate, draw = mask()
        edge = [(step * 10.0, level - 46 * abs(math.sin(step / 24 + phase))) for step in range(141)]
        draw.polygon(points((0, SIDE), *edge, (SIDE, SIDE)), fill=255)
        shadow(image, plate, offset=(0, -10), blur=14, dark=0.5)
        image.paste(colour, mask=plate)
    return finished(image, seed=12, grain=6)


def lowland_brass() -> Image.Image:
    """The bell of a tuba from the front: rings of brass in two inks."""
    paper, _ = canvas("#f4efe2")
    rings, draw = mask()
    for index in range(11):
        radius = 620 - index * 54
        draw.ellipse(scaled(700 - radius, 700 - radius, 700 + radius, 700 + radius), fill=255 if index % 2 == 0 else 0)
    image = overprint(paper, worn(rings, 21), "#f2a900")
    dark, draw = mask()
    for index in range(9):
        radius, push = 590 - index * 64, index * 7
        draw.ellipse(
            scaled(700 - radius + push, 700 - radius - push, 700 + radius + push, 700 + radius - push),
            fill=255 if index % 2 == 0 else 0,
        )
    image = overprint(image, worn(dark, 22), "#1f4fa3", strength=0.92)
    return finished(image, seed=13, grain=7)


def pocket_comet() -> Image.Image:
    """A friendly face of squares."""
    image, pen = canvas("#5b5bff")
    face = [
        "................",
        "....oooooooo....",
        "..oowwwwwwwwoo..",
        "..owwwwwwwwwwo..",
        ".owwwwwwwwwwwwo.",
        ".owwkkwwwwkkwwo.",
        ".owwkkwwwwkkwwo.",
        ".owwkkwwwwkkwwo.",
        ".owwwwwwwwwwwwo.",
        ".owppwwwwwwppwo.",
        ".owwwkwwwwkwwwo.",
        "..owwwkkkkwwwo..",
        "..oowwwwwwwwoo..",
        "....oooooooo....",
        "......y..y......",
        ".....yy..yy.....",
    ]
    colours = {"o": "#101014", "w": "#fff36b", "k": "#101014", "p": "#ff5a5f", "y": "#ffb02e"}
    rng = np.random.default_rng(9)
    for row, line in enumerate(face):
        for column, cell in enumerate(line):
            x, y = 60 + column * 80, 60 + row * 80
            if cell == ".":
                half = 40 * (0.12 + 0.5 * float(rng.random()))
                pen.rectangle(scaled(x + 40 - half, y + 40 - half, x + 40 + half, y + 40 + half), fill="#6f6fff")
            else:
                pen.rectangle(scaled(x, y, x + 81, y + 81), fill=colours[cell])
    return finished(image, seed=14, grain=2)
