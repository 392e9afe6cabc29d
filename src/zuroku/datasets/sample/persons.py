"""Photographs of one person: a head and shoulders before a studio backdrop."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from zuroku.datasets.sample.noise import Field, fractal, resize_field, to_image, to_tones
from zuroku.datasets.sample.relief import cushion, light_relief
from zuroku.datasets.sample.strokes import ellipse, points, spline
from zuroku.datasets.sample.style import BookStyle

_SIDE = 220


def draw_person(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Photograph a sitter, from the chest up, filling ``size`` = (width, height), in grey."""
    width, height = size
    canvas = rng.uniform(0.25, 0.85) + 0.05 * fractal(rng, size, (3, 3), 0.5, 3)
    image = to_image(canvas)
    tall = min(height, round(width * 1.25))
    sitter, mask = _sitter(rng)
    wide = round(tall * rng.uniform(0.85, 1.0))
    left = (width - wide) // 2 + round(rng.normal(0, 0.03) * width)
    corner = (left, height - tall)
    image.paste(
        to_image(resize_field(sitter, (wide, tall))), corner, to_image(resize_field(mask, (wide, tall)))
    )
    if rng.random() < 0.3:
        vignette = Image.new("L", size, 0)
        ImageDraw.Draw(vignette).ellipse((0.05 * width, 0.03 * height, 0.95 * width, 0.97 * height), fill=255)
        vignette = vignette.filter(ImageFilter.GaussianBlur(width / 25))
        image = Image.composite(image, Image.new("L", size, 245), vignette)
    return image.filter(ImageFilter.GaussianBlur(0.5 + 0.5 * style.blur_px))


def _sitter(rng: np.random.Generator) -> tuple[Field, Field]:
    """Model shoulders, neck and head, and draw dress, hair and face on them; ``(side, side)`` each."""
    cx, cy = 110 + rng.uniform(-6, 6), rng.uniform(78, 92)
    rx, ry = rng.uniform(31, 38), rng.uniform(42, 49)
    shoulder = rng.uniform(72, 95)
    cloth = Image.new("L", (_SIDE, _SIDE), 0)
    trunk = points(
        (cx - 16, cy + 40),
        (cx - shoulder, cy + 78),
        (cx - shoulder - 16, 228),
        (cx + shoulder + 16, 228),
        (cx + shoulder, cy + 78),
        (cx + 16, cy + 40),
    )
    ImageDraw.Draw(cloth).polygon(spline(trunk, closed=True).ravel().tolist(), fill=255)
    skin = Image.new("L", (_SIDE, _SIDE), 0)
    pen = ImageDraw.Draw(skin)
    pen.rectangle((cx - 14, cy + 20, cx + 14, cy + 62), fill=255)
    pen.polygon(ellipse(cx, cy, rx, ry).ravel().tolist(), fill=255)
    for side in (-1, 1):
        pen.polygon(ellipse(cx + side * rx, cy + 4, 5, 10).ravel().tolist(), fill=255)
    dress = light_relief(rng, cushion(rng, cloth, 26, 0.8), rng.uniform(0.06, 0.5), 0.0)
    face = light_relief(rng, cushion(rng, skin, 30, 0.25), rng.uniform(0.7, 0.95), 0.08)
    body = to_image(np.where(np.asarray(skin) > 127, face, dress))
    mask = Image.fromarray(np.maximum(np.asarray(cloth), np.asarray(skin)))
    _dress(rng, ImageDraw.Draw(body), (cx, cy + 50))
    _face(rng, ImageDraw.Draw(body), (cx, cy), (rx, ry))
    _hair(rng, ImageDraw.Draw(body), ImageDraw.Draw(mask), (cx, cy), (rx, ry))
    return to_tones(body), to_tones(mask)


def _dress(rng: np.random.Generator, draw: ImageDraw.ImageDraw, throat: tuple[float, float]) -> None:
    """Draw a collar: kimono, suit with tie, or uniform with buttons."""
    x, y = throat
    kind = int(rng.integers(3))
    if kind == 0:
        draw.polygon([(x - 20, y - 8), (x - 12, y - 8), (x + 22, y + 90), (x + 6, y + 90)], fill=215)
        draw.polygon([(x + 20, y - 8), (x + 12, y - 8), (x - 30, y + 90), (x - 14, y + 90)], fill=225)
    elif kind == 1:
        draw.polygon([(x - 17, y - 10), (x + 17, y - 10), (x, y + 70)], fill=230)
        draw.polygon([(x - 5, y + 4), (x + 5, y + 4), (x + 8, y + 60), (x, y + 70), (x - 8, y + 60)], fill=35)
        draw.line((x - 18, y - 8, x - 2, y + 74), 20, 4)
        draw.line((x + 18, y - 8, x + 2, y + 74), 20, 4)
    else:
        draw.rectangle((x - 20, y - 12, x + 20, y + 2), fill=35, outline=150)
        for i in range(4):
            draw.ellipse((x - 3, y + 14 + 22 * i, x + 4, y + 21 + 22 * i), fill=205)


def _face(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, at: tuple[float, float], radii: tuple[float, float]
) -> None:
    """Draw brows, eyes, nose and mouth; at times glasses, a moustache or a beard."""
    (x, y), (rx, ry) = at, radii
    for side in (-1, 1):
        eye = x + side * 0.42 * rx
        draw.line((eye - 8, y - 9, eye + 8, y - 9 - rng.uniform(-2, 2)), 40, 3)
        draw.ellipse((eye - 6, y - 2, eye + 6, y + 3), fill=70)
        draw.ellipse((eye - 2, y - 2, eye + 3, y + 3), fill=15)
    draw.line([(x + 2, y), (x + 5, y + 0.36 * ry), (x - 4, y + 0.38 * ry)], 90, 2)
    draw.line((x - 10, y + 0.6 * ry, x + 10, y + 0.6 * ry), 60, 3)
    draw.arc((x - 9, y + 0.55 * ry, x + 9, y + 0.74 * ry), 20, 160, 110, 1)
    if rng.random() < 0.3:
        for side in (-1, 1):
            eye = x + side * 0.42 * rx
            draw.ellipse((eye - 11, y - 8, eye + 11, y + 11), outline=20, width=2)
        draw.line((x - 4, y, x + 4, y), 20, 2)
    if rng.random() < 0.4:
        draw.polygon([(x - 17, y + 0.56 * ry), (x, y + 0.44 * ry), (x + 17, y + 0.56 * ry)], fill=30)
    if rng.random() < 0.12:
        draw.chord((x - 22, y + 0.5 * ry, x + 22, y + 1.35 * ry), 0, 180, fill=int(rng.choice((30, 190))))


def _hair(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    shape: ImageDraw.ImageDraw,
    at: tuple[float, float],
    radii: tuple[float, float],
) -> None:
    """Draw hair or a cap over the head, on tones and mask alike."""
    (x, y), (rx, ry) = at, radii
    cap = [
        (x - 1.08 * rx, y - 0.1 * ry),
        (x - 1.0 * rx, y - 0.75 * ry),
        (x, y - 1.2 * ry),
        (x + 1.0 * rx, y - 0.75 * ry),
    ]
    cap += [
        (x + 1.08 * rx, y - 0.1 * ry),
        (x + 0.8 * rx, y - 0.45 * ry),
        (x + rng.uniform(-14, 14), y - 0.66 * ry),
        (x - 0.8 * rx, y - 0.45 * ry),
    ]
    outline = spline(points(*cap), closed=True).ravel().tolist()
    if rng.random() < 0.25:
        bun = (x - 1.2 * rx, y - 1.5 * ry, x + 1.2 * rx, y - 0.2 * ry)
        shape.ellipse(bun, fill=255)
        draw.chord(bun, 170, 370, fill=22)
    shape.polygon(outline, fill=255)
    draw.polygon(outline, fill=24)
    draw.arc((x - 0.7 * rx, y - 1.12 * ry, x + 0.5 * rx, y - 0.4 * ry), 200, 290, 75, 3)
    if rng.random() < 0.2:
        peak = (x - 1.25 * rx, y - 0.72 * ry, x + 1.25 * rx, y - 0.45 * ry)
        crown = (x - 1.15 * rx, y - 1.4 * ry, x + 1.15 * rx, y - 0.55 * ry)
        for pen, tone in ((shape, 255), (draw, 30)):
            pen.rounded_rectangle(crown, 12, fill=tone)
            pen.ellipse(peak, fill=tone)
