"""Things that more than one picture shows."""

import math

from PIL import Image, ImageDraw

from .ink import mask, points, scaled, shadow


def folded_boat(image: Image.Image, x: float, y: float, size: float, colour: str) -> None:
    """A boat folded of paper: hull and sail, each side of a fold in its own light, and the shadow it casts."""

    def at(*corners: tuple[float, float]) -> list[tuple[float, float]]:
        return points(*((x + px * size, y + py * size) for px, py in corners))

    plate, draw = mask((image.width // 2, image.height // 2))
    draw.polygon(at((-190, -70), (190, -70), (115, 40), (-115, 40)), fill=255)
    draw.polygon(at((0, -215), (-112, -70), (112, -70)), fill=255)
    shadow(image, plate, offset=(10 * size, 12 * size), blur=12, dark=0.45)
    image.paste(colour, mask=plate)
    pen = ImageDraw.Draw(image)
    pen.polygon(at((0, -215), (112, -70), (0, -70)), fill="#e9ddc6")
    pen.polygon(at((0, -70), (190, -70), (115, 40), (0, 40)), fill="#efe5d2")
    pen.polygon(at((-190, -70), (-115, 40), (-60, -10), (0, -70)), fill="#d8c9ac")


def bicycle(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, frame: str, tyre: str, line: float) -> None:
    """A bicycle from its right side; (x, y) is where its bottom bracket is, `size` the radius of a wheel."""
    back, front = (x - 1.15 * size, y), (x + 1.85 * size, y)
    for wheel_x, wheel_y in (back, front):
        ring = scaled(wheel_x - size, wheel_y - size, wheel_x + size, wheel_y + size)
        draw.ellipse(ring, outline=tyre, width=int(line * 2 * 1.1))
        for spoke in range(14):
            angle = spoke / 14 * 2 * math.pi
            reach = size * 0.93
            end = (wheel_x + reach * math.cos(angle), wheel_y + reach * math.sin(angle))
            draw.line(points((wheel_x, wheel_y), end), fill=tyre, width=max(1, int(line * 0.22)))
    bracket, saddle = (x, y + 0.08 * size), (x - 0.42 * size, y - 1.35 * size)
    head, neck = (x + 1.35 * size, y - 1.3 * size), (x + 1.42 * size, y - 1.05 * size)
    tubes = [(back, bracket), (back, saddle), (bracket, saddle), (saddle, head), (bracket, neck), (front, head)]
    for start, end in tubes:
        draw.line(points(start, end), fill=frame, width=int(line * 2))
    grip = (head[0] - 0.1 * size, head[1] - 0.3 * size)
    draw.line(
        points(head, grip, (grip[0] + 0.42 * size, grip[1] - 0.08 * size)),
        fill=tyre,
        width=int(line * 2),
        joint="curve",
    )
    top = (saddle[0] - 0.07 * size, saddle[1] - 0.22 * size)
    draw.line(points(saddle, top), fill=tyre, width=int(line * 1.6))
    draw.line(points((top[0] - 0.28 * size, top[1]), (top[0] + 0.28 * size, top[1])), fill=tyre, width=int(line * 3.2))
    draw.ellipse(
        scaled(x - 0.2 * size, y - 0.12 * size, x + 0.2 * size, y + 0.28 * size), outline=tyre, width=int(line * 1.6)
    )


def teacup(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, colour: str, inside: str, ground: str) -> None:
    """A cup on its saucer; (x, y) is the middle of its rim."""
    draw.ellipse(scaled(x - 1.75 * size, y + 1.12 * size, x + 1.75 * size, y + 1.5 * size), fill=colour)
    draw.ellipse(scaled(x - 1.5 * size, y + 1.1 * size, x + 1.5 * size, y + 1.38 * size), fill=ground)
    handle = scaled(x + 0.72 * size, y + 0.12 * size, x + 1.62 * size, y + 0.92 * size)
    draw.ellipse(handle, outline=colour, width=int(size * 0.34))
    body = [(x - size, y)]
    for step in range(41):
        angle = math.pi * step / 40
        body.append((x - size * math.cos(angle), y + 1.3 * size * math.sin(angle) ** 0.7))
    draw.polygon(points(*body, (x + size, y)), fill=colour)
    draw.ellipse(scaled(x - size, y - 0.2 * size, x + size, y + 0.2 * size), fill=colour)
    draw.ellipse(scaled(x - 0.9 * size, y - 0.13 * size, x + 0.9 * size, y + 0.17 * size), fill=inside)


def steam(draw: ImageDraw.ImageDraw, x: float, y: float, height: float, colour: str, line: float) -> None:
    """A curl of steam that rises from (x, y)."""
    path = []
    for step in range(61):
        part = step / 60
        path.append((x + math.sin(part * math.pi * 2.4) * height * 0.09 * (1 - part * 0.4), y - height * part))
    for (px, py), part in zip(path, [step / 60 for step in range(61)], strict=True):
        radius = line * math.sin(math.pi * min(1, part * 0.9 + 0.1)) * (1 - 0.5 * part)
        draw.ellipse(scaled(px - radius, py - radius, px + radius, py + radius), fill=colour)
