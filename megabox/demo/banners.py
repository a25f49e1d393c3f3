"""Image ads of the demo, 1200 x 628, for brands that do not exist."""

import math

from PIL import Image, ImageDraw

from .ink import canvas, finished, gradient, points, scaled, write
from .shapes import bicycle, steam, teacup

SIZE = (1200, 628)


def kettle() -> Image.Image:
    """Kettle & Co.: a cup of tea, large."""
    image, pen = canvas("#f6ead7", SIZE)
    pen.ellipse(scaled(612, -200, 1452, 640), fill="#e7583c")
    teacup(pen, 930, 300, 150, "#fffaf0", "#9a4a1c", "#f0e0c8")
    for x, height in ((875, 170), (930, 215), (985, 160)):
        steam(pen, x, 270, height, "#ffe6cf", 9)
    write(pen, (72, 226), "First leaf,", 86, "#2c1a12", weight=800, tracking=-0.03)
    write(pen, (72, 318), "second cup.", 86, "#e7583c", weight=800, tracking=-0.03)
    write(pen, (76, 382), "Loose tea from three gardens, by post.", 27, "#5c4437", weight=450)
    _name(pen, (76, 548), "Kettle & Co.", "#2c1a12")
    return finished(image, seed=31, grain=4)


def velo() -> Image.Image:
    """Velo: a bicycle drawn in three colours, on its way out of the picture."""
    image, pen = canvas("#0f3d3e", SIZE)
    for index in range(7):
        y = 430 + index * 34 + index**2 * 2
        pen.line(points((0, y), (1200, y - 60)), fill="#1a5a57", width=6 + index * 3)
    pen.ellipse(scaled(820, 40, 1080, 300), fill="#f4c95d")
    bicycle(pen, 790, 400, 128, "#f4f1de", "#e2725b", 7.5)
    write(pen, (72, 190), "Leave", 112, "#f4f1de", weight=850, tracking=-0.035)
    write(pen, (72, 296), "the car.", 112, "#f4c95d", weight=850, tracking=-0.035)
    write(pen, (76, 360), "City bikes, serviced for life.", 28, "#bcd4cf", weight=450)
    _name(pen, (76, 560), "Velo", "#f4f1de")
    return finished(image, seed=32, grain=4)


def lantern_books() -> Image.Image:
    """Lantern Books: a shelf of spines, one of them lit."""
    image = gradient([(0, "#1d1b3a"), (1, "#2d2a56")], SIZE)
    pen = ImageDraw.Draw(image)
    colours = ["#e0583e", "#f2b134", "#3b8ea5", "#f5ebe0", "#6a4c93", "#52a675", "#d1495b", "#edae49"]
    pen.ellipse(scaled(700, -60, 1240, 480), fill="#35316a")
    pen.ellipse(scaled(800, 20, 1140, 360), fill="#46407f")
    pen.line(points((970, 0), (970, 70)), fill="#ffe9a8", width=6)
    pen.polygon(points((940, 70), (1000, 70), (1016, 150), (924, 150)), fill="#ffe9a8")
    pen.rectangle(scaled(934, 60, 1006, 74), fill="#f2b134")
    pen.rectangle(scaled(920, 146, 1020, 160), fill="#f2b134")
    x = 560.0
    for index in range(16):
        wide = 26 + (index * 37) % 30
        tall = 230 + (index * 83) % 110
        lean = 26 if index in (6, 7) else 0
        colour = "#ffe9a8" if index == 9 else colours[index % len(colours)]
        top = 520 - tall
        pen.polygon(points((x + lean, top), (x + wide + lean, top), (x + wide, 520), (x, 520)), fill=colour)
        for band in (0.14, 0.2, 0.82):
            y = top + tall * band
            shift = lean * (1 - band)
            pen.line(points((x + shift, y), (x + wide + shift, y)), fill="#1d1b3a", width=5)
        x += wide + 5 + (lean and 12)
    pen.rectangle(scaled(520, 520, 1200, 540), fill="#f5ebe0")
    write(pen, (72, 200), "One more", 84, "#f5ebe0", weight=800, tracking=-0.03)
    write(pen, (72, 284), "chapter.", 84, "#ffe9a8", weight=800, tracking=-0.03)
    write(pen, (76, 344), "Open until midnight", 27, "#b9b5e0", weight=450)
    write(pen, (76, 380), "on the old quay.", 27, "#b9b5e0", weight=450)
    _name(pen, (76, 548), "Lantern Books", "#f5ebe0")
    return finished(image, seed=33, grain=4)


def _name(pen: ImageDraw.ImageDraw, place: tuple[float, float], name: str, colour: str) -> None:
    """The brand: its name behind a small mark."""
    x, y = place
    spots = [(x + 14 + 12 * math.cos(angle), y - 12 + 12 * math.sin(angle)) for angle in (0.5, 2.6, 4.7)]
    pen.polygon(points(*spots), fill=colour)
    write(pen, (x + 38, y), name, 34, colour, weight=750, tracking=-0.01)
