"""Record sleeves of the demo catalogue, each in a style of its own, always the same."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .ink import (
    FINE,
    SIDE,
    canvas,
    finished,
    gradient,
    mask,
    overprint,
    points,
    scaled,
    shadow,
    worn,
    write,
)
from .shapes import folded_boat


def first_light() -> Image.Image:
    """A sun behind seven ridges: nothing but layers of haze, and small type in the sky."""
    image = gradient([(0, "#151033"), (0.3, "#4a1d5c"), (0.5, "#c2355f"), (0.62, "#ff8a4c"), (0.7, "#ffd089")])
    sun, draw = mask()
    draw.ellipse(scaled(430, 520, 970, 1060), fill=255)
    for index in range(8):
        top = 800 + index * 30
        draw.rectangle(scaled(400, top, 1000, top + 4 + index * 2.4), fill=0)
    image.paste((255, 236, 190), mask=sun)
    rng = np.random.default_rng(5)
    x = np.linspace(0, SIDE, 180)
    ridges = ["#e8776a", "#c25568", "#933f66", "#682f5e", "#452351", "#2a183f", "#150d27"]
    for index, colour in enumerate(ridges):
        base = 900 + index * 68
        height = np.zeros_like(x)
        for octave in range(1, 7):
            phase, size = rng.uniform(0, 6.28), (26 + index * 12) / octave**1.05
            height += size * np.sin(x / SIDE * octave * (3.1 + index * 0.35) + phase)
        height += rng.normal(0, 0.8 + index * 0.25, len(x))
        plate, draw = mask()
        outline = [(float(px), float(base - h)) for px, h in zip(x, height, strict=True)]
        draw.polygon(points((0, SIDE), *outline, (SIDE, SIDE)), fill=255)
        image.paste(colour, mask=plate)
    pen = ImageDraw.Draw(image)
    write(pen, (92, 158), "Nova Kit", 62, "#ffe9cf", weight=850)
    write(pen, (92, 222), "First Light", 62, "#ffb184", weight=350)
    write(pen, (SIDE - 92, 158), "BX 001", 26, "#ffb184", weight=600, tracking=0.14, anchor="rs")
    return finished(image, seed=1, grain=5.5)


def night_bus_maps() -> Image.Image:
    """A transit diagram on a Swiss grid: lines at 45 degrees, one stop lit."""
    image, pen = canvas("#0f1420")
    lines = [
        ("#ffcf33", [(-40, 520), (300, 520), (520, 740), (1000, 740), (1180, 920), (1440, 920)]),
        ("#ff4f4f", [(240, 1440), (240, 960), (910, 290), (1440, 290)]),
        ("#35c4a5", [(-40, 1120), (560, 1120), (780, 900), (780, 640), (1000, 420), (1440, 420)]),
        ("#5b8cff", [(1180, 1440), (1180, 1120), (960, 900), (960, 560), (1240, 280), (1240, -40)]),
        ("#f1f1ec", [(-40, 1250), (880, 1250), (1060, 1070), (1440, 1070)]),
    ]
    for colour, path in lines:
        _ribbon(pen, path, 30, "#0f1420", outline=12)
        _ribbon(pen, path, 30, colour)
    stops = [(300, 520), (680, 740), (240, 1120), (640, 560), (1180, 920), (380, 1120), (780, 770), (1180, 1250)]
    stops += [(960, 740), (1240, 420), (1240, 290), (560, 1250), (1100, 290), (240, 1250), (960, 630), (360, 840)]
    for x, y in stops:
        pen.ellipse(scaled(x - 23, y - 23, x + 23, y + 23), fill="#0f1420")
        pen.ellipse(scaled(x - 15, y - 15, x + 15, y + 15), fill="#f7f5ee")
    x, y = 960, 740
    pen.ellipse(scaled(x - 52, y - 52, x + 52, y + 52), fill="#0f1420")
    pen.ellipse(scaled(x - 42, y - 42, x + 42, y + 42), fill="#f7f5ee")
    pen.ellipse(scaled(x - 26, y - 26, x + 26, y + 26), fill="#e0002a")
    write(pen, (92, 210), "Night", 150, "#f7f5ee", weight=800, tracking=-0.03)
    write(pen, (92, 348), "Bus Maps", 150, "#f7f5ee", weight=800, tracking=-0.03)
    write(pen, (96, 414), "Nova Kit", 40, "#ffcf33", weight=600)
    write(pen, (1216, 1340), "N9  0:14", 30, "#f7f5ee", weight=600, tracking=0.02)
    return finished(image, seed=2, grain=3.5)


def ferry_songs() -> Image.Image:
    """Cut paper: five waves, three folded boats, a low sun, and what all of it casts."""
    image = gradient([(0, "#f3e3c7"), (0.55, "#f6d9b4"), (1, "#f0c79b")])
    plate, draw = mask()
    draw.ellipse(scaled(820, 330, 1180, 690), fill=255)
    shadow(image, plate, offset=(4, 8), blur=10, dark=0.35)
    image.paste("#ee6a4d", mask=plate)
    waves = [("#9cc9bf", 640, 44, 0.4, 1.1), ("#5fa8a4", 760, 52, 2.0, 0.95), ("#2f8088", 890, 58, 3.7, 0.85)]
    waves += [("#1d5f70", 1040, 62, 5.0, 0.75), ("#123f54", 1200, 60, 0.9, 0.7)]
    boats = {0: (930, 618, 0.62, "#fffaf0"), 1: (380, 742, 0.95, "#fffaf0"), 3: (900, 1016, 1.5, "#fff6e6")}
    for index, (colour, level, swell, phase, pace) in enumerate(waves):
        if index in boats:
            folded_boat(image, *boats[index])
        plate, draw = mask()
        edge = []
        for step in range(141):
            x = step * 10.0
            crest = abs(math.sin(x / 1400 * math.pi * 4.2 * pace + phase)) ** 1.5
            edge.append((x, level + swell - crest * swell * 1.6))
        draw.polygon(points((0, SIDE), *edge, (SIDE, SIDE)), fill=255)
        shadow(image, plate, offset=(0, -10), blur=14, dark=0.5)
        image.paste(colour, mask=plate)
    pen = ImageDraw.Draw(image)
    write(pen, (92, 190), "Ferry Songs", 128, "#123f54", weight=750, tracking=-0.025)
    write(pen, (98, 254), "The Paper Boats", 44, "#c74a31", weight=550)
    return finished(image, seed=3, grain=6.5)


def dike_and_sky() -> Image.Image:
    """Two inks and their overprint: a brass sun in dots above fields that are only stripes."""
    paper, _ = canvas("#f4efe2")
    sun, draw = mask()
    for row in range(58):
        for column in range(58):
            x, y = 210 + column * 17 + (row % 2) * 8.5, 130 + row * 15
            distance = math.hypot(x - 700, y - 560) / 440
            if distance < 1:
                radius = 3.2 + 6.8 * (1 - distance * 0.55) * (0.4 + 0.6 * (y - 120) / 880)
                draw.ellipse(scaled(x - radius, y - radius, x + radius, y + radius), fill=255)
    image = overprint(paper, worn(sun, 1), "#f2a900")
    fields, draw = mask()
    horizon, line, step = 800.0, 812.0, 10.0
    while line < 1200:
        low = line + step * 0.55
        draw.polygon(points((0, line), (SIDE, line - 3), (SIDE, low - 3), (0, low)), fill=255)
        line += step
        step *= 1.16
    draw.rectangle(scaled(0, 1216, SIDE, SIDE), fill=255)
    draw.rectangle(scaled(0, horizon - 26, SIDE, horizon + 4), fill=255)
    draw.polygon(points((0, horizon - 26), (310, horizon - 70), (560, horizon - 26)), fill=255)
    for x, height in ((1010, 210), (1122, 150), (1206, 110), (1268, 84)):
        _poplar(draw, x, horizon - 20, height)
    image = overprint(image, worn(fields, 2, amount=0.18), "#1f4fa3")
    water, draw = mask()
    draw.polygon(points((620, horizon + 4), (700, horizon + 4), (985, 1216), (345, 1216)), fill=255)
    image = overprint(image, worn(water, 3, amount=0.3), "#ef5b4c", strength=0.85)
    pen = ImageDraw.Draw(image)
    write(pen, (700, 96), "LOWLAND BRASS", 44, "#1a3f85", weight=800, tracking=0.34, anchor="ms")
    write(pen, (700, 1346), "Dike and Sky", 104, "#f4efe2", weight=800, tracking=-0.02, anchor="ms")
    return finished(image, seed=4, grain=7.0)


def sixteen_pixels() -> Image.Image:
    """Sixteen by sixteen squares that breathe like a wave, and a comet of the same squares."""
    image, pen = canvas("#101014")
    cell, left, top = 70, 140, 92
    comet = {(11, 4): "#ffffff", (12, 4): "#fff36b", (11, 3): "#fff36b", (12, 3): "#ffffff", (12, 5): "#ffb02e"}
    comet |= {(10, 4): "#ffb02e", (11, 5): "#ffb02e", (13, 4): "#fff36b", (12, 2): "#fff36b"}
    tail = ["#ff8a2e", "#ff5a5f", "#f0349a", "#a743f0", "#5b5bff", "#2fa8ff", "#25d6c8"]
    for index, colour in enumerate(tail):
        x, y = 10 - index, 5 + index
        comet[(x, y)] = colour
        comet.setdefault((x - 1, y), tail[min(index + 1, 6)])
        comet.setdefault((x, y + 1), tail[min(index + 1, 6)])
        if index < 4:
            comet.setdefault((x + 1, y + 1), tail[min(index + 2, 6)])
            comet.setdefault((x - 1, y - 1), tail[min(index + 2, 6)])
    for row in range(16):
        for column in range(16):
            distance = math.hypot(column - 11.5, row - 3.5)
            wave = 0.5 + 0.5 * math.sin(distance * 1.12 - 0.6)
            side = cell * (0.2 + 0.66 * wave)
            middle_x, middle_y = left + (column + 0.5) * cell, top + (row + 0.5) * cell
            colour = comet.get((column, row), "#2b2d3c" if (row + column) % 2 else "#3a3d52")
            if (column, row) in comet:
                side = cell * 0.94
            half = side / 2
            pen.rectangle(scaled(middle_x - half, middle_y - half, middle_x + half, middle_y + half), fill=colour)
    write(pen, (140, 1318), "Sixteen Pixels", 74, "#f4f4f6", weight=800, tracking=-0.02)
    write(pen, (1260, 1318), "Pocket Comet", 34, "#ff5a5f", weight=600, anchor="rs")
    return finished(image, seed=5, grain=2.5)


def winter_timetable() -> Image.Image:
    """A board of departures in ice: every flap a colour of winter, and one row that leaves now."""
    image, pen = canvas("#e4eef4")
    ices = ("#0d4f7c", "#17699c", "#2a86b8", "#4aa3cf", "#7fc0df", "#12405f", "#2f6f8f", "#9ad0e6")
    for row in range(13):
        top = 330 + row * 76
        is_leaving = row == 8
        for column in range(16):
            left = 92 + column * 76.5
            colour = ices[(row * 5 + column * column * 3 + row * column) % len(ices)]
            if is_leaving:
                colour = ("#d7263d", "#f0503f", "#ff7a3c")[column % 3]
            pen.rectangle(scaled(left, top, left + 68, top + 31), fill=colour)
            pen.rectangle(scaled(left, top + 34, left + 68, top + 65), fill=colour if column % 5 else "#ffffff")
    write(pen, (92, 178), "Winter Timetable", 112, "#0a2c44", weight=800, tracking=-0.03)
    write(pen, (96, 254), "Nova Kit", 48, "#d7263d", weight=600)
    return finished(image, seed=6, grain=3.0)


def _ribbon(
    pen: ImageDraw.ImageDraw, path: Sequence[tuple[float, float]], size: float, colour: str, *, outline: float = 0
) -> None:
    """A line with round joints, as on the map of a network."""
    thick = int((size + outline * 2) * FINE)
    spots = points(*path)
    pen.line(spots, fill=colour, width=thick, joint="curve")
    for x, y in spots:
        pen.ellipse([x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2], fill=colour)


def _poplar(draw: ImageDraw.ImageDraw, x: float, y: float, height: float) -> None:
    draw.ellipse(scaled(x - height * 0.13, y - height, x + height * 0.13, y - height * 0.08), fill=255)
    draw.rectangle(scaled(x - 3, y - height * 0.2, x + 3, y + 6), fill=255)
