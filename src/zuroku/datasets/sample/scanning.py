"""What press, age and scanner do to an ideal print.

A drawing goes through three steps that stay apart, so that whole pages can be composed from
drawings: ``screen`` (photographs only) is the press, ``surround`` is the page around the figure as
an automatic detector cuts it out, and ``scan`` is paper, age and the scanner.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import uniform_filter1d

from zuroku.datasets.sample.lettering import set_line
from zuroku.datasets.sample.noise import Field, fractal, smoothstep, to_image, to_tones
from zuroku.datasets.sample.style import BookStyle
from zuroku.datasets.sample.words import CAPTIONS, pick, running_text


def screen(style: BookStyle, rng: np.random.Generator, photograph: Image.Image) -> Image.Image:
    """Print a grey photograph: tone curve, grain and, in books that have one, a halftone screen."""
    tones = to_tones(photograph)
    height, width = tones.shape
    low, high = np.percentile(tones[::4, ::4], (1, 99))
    tones = (tones - low) / max(float(high - low), 0.2)
    strength = style.contrast * rng.uniform(0.9, 1.1) * 2.2
    tones = 0.5 + 0.5 * np.tanh((tones - 0.5 + style.brightness) * strength) / np.tanh(0.5 * strength)
    tones += style.grain * rng.standard_normal((height, width), np.float32)
    if style.screen_pitch_px:
        pitch = style.screen_pitch_px * max(width, height) / 500
        tones = 0.25 * tones + 0.75 * smoothstep(
            tones * 1.3 - 0.15 + _dots(style, width, height, pitch), 0.1, 0.9
        )
    return _shape(style, rng, to_image(tones))


def _dots(style: BookStyle, width: int, height: int, pitch: float) -> Field:
    """Return the screen's threshold, ``(h, w)`` within ±0.5: a product of two crossed waves."""
    step = 2 * np.pi / pitch
    x = np.arange(width, dtype=np.float32)[None] * step
    y = np.arange(height, dtype=np.float32)[:, None] * step
    cos, sin = np.cos(style.screen_angle), np.sin(style.screen_angle)
    # Angle addition turns the rotated waves into products of one-dimensional ones.
    first = np.cos(x * cos) * np.cos(y * sin) - np.sin(x * cos) * np.sin(y * sin)
    second = np.cos(x * sin) * np.cos(y * cos) + np.sin(x * sin) * np.sin(y * cos)
    return np.asarray(0.25 * (first + second), np.float32)


def _shape(style: BookStyle, rng: np.random.Generator, photograph: Image.Image) -> Image.Image:
    """Mask the photograph to an oval where the book does so."""
    oval = style.photo_shape == "oval" or (style.photo_shape == "mixed" and rng.random() < 0.3)
    if not oval:
        return photograph
    mask = Image.new("L", photograph.size, 0)
    ImageDraw.Draw(mask).ellipse((1, 1, photograph.width - 2, photograph.height - 2), fill=255)
    return Image.composite(photograph, Image.new("L", photograph.size, 255), mask)


def surround(style: BookStyle, rng: np.random.Generator, drawing: Image.Image) -> Image.Image:
    """Set ``drawing`` in the remnant of its page that a detector's box leaves around it.

    Borders, parts of captions and neighbouring text lines may show; the box may also cut into the
    drawing. The result has the size of ``drawing``.
    """
    width, height = drawing.size
    margins = np.clip(rng.normal(style.margin, 0.03, 4), -0.04, 0.16)
    if rng.random() < 0.25:
        margins[:] = rng.uniform(-0.03, 0.01)
    left, top, right, bottom = (margins * (width, height, width, height)).astype(int).tolist()
    white = (255, 255, 255) if drawing.mode == "RGB" else 255
    page = Image.new(drawing.mode, (width + left + right, height + top + bottom), white)
    draw = ImageDraw.Draw(page)
    if min(left, top, right, bottom) >= 0:
        _neighbours(style, rng, draw, page.size, (left, top, right, bottom))
    page.paste(drawing, (left, top))
    _border(style, draw, (left, top, left + width, top + height))
    return page.resize((width, height), Image.Resampling.BILINEAR)


def _neighbours(
    style: BookStyle,
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    margins: tuple[int, int, int, int],
) -> None:
    """Print a caption below, and text columns that the box caught at its sides."""
    width, height = size
    left, _, right, bottom = margins
    ink = (0, 0, 0) if draw.mode == "RGB" else 0
    em = max(width, height) * rng.uniform(0.022, 0.034)
    if style.caption == "below" and bottom > 0.4 * em:
        words = pick(rng, CAPTIONS) + (
            "　" + running_text(rng, int(rng.integers(2, 9))) if rng.random() < 0.5 else ""
        )
        x = max(0.0, (width - em * len(words)) / 2)
        set_line(draw, (x, height - bottom + 0.1 * em), words, em, ink)
    for gap, x in ((left, left - 1.3 * em), (right, width - right + 0.3 * em)):
        if gap > 0.5 * em and (style.caption == "side" or rng.random() < 0.25):
            count = int(rng.integers(4, 9 + int(height / em)))
            set_line(
                draw, (x, rng.uniform(0, 0.3) * height), running_text(rng, count), em, ink, vertical=True
            )


def _border(style: BookStyle, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    """Rule the book's border around ``box``."""
    if style.border == "none":
        return
    ink = (0, 0, 0) if draw.mode == "RGB" else 0
    unit = max(1, round(max(box[2] - box[0], box[3] - box[1]) / 400))
    draw.rectangle(box, outline=ink, width=unit * (3 if style.border == "heavy" else 1))
    if style.border == "double":
        inner = (box[0] + 4 * unit, box[1] + 4 * unit, box[2] - 4 * unit, box[3] - 4 * unit)
        draw.rectangle(inner, outline=ink, width=unit)


def scan(style: BookStyle, rng: np.random.Generator, page: Image.Image) -> Image.Image:
    """Put an ideal print (``L`` or ``RGB``) on the book's paper and scan it; the size is kept.

    The result is ``L`` for films and grey scans and ``RGB`` for colour scans.
    """
    width, height = page.size
    coloured = style.scan == "colour"
    page = page.convert("RGB") if coloured and page.mode == "RGB" else page.convert("L")
    page = _skew(style, rng, page)
    if style.blur_px > 0.35:
        page = page.filter(ImageFilter.GaussianBlur(style.blur_px * max(width, height) / 500))
    light = _paper_light(style, rng, (width, height))
    tones = np.asarray(page, np.float32) / np.float32(255)
    if style.bleed > 0.01 and not (style.scan == "film" and style.film_curve > 0.8):
        ghost = _other_side(style, rng, (width, height))
        tones = tones * (ghost if tones.ndim == 2 else ghost[:, :, None])
    if coloured:
        return _colour_scan(style, tones, light)
    paper, ink = style.paper[0] / 255, style.ink[0] / 255
    grey = ink + (paper - ink) * tones
    grey = grey * light
    if style.film_curve > 0.05:
        grey = (1 - style.film_curve) * grey + style.film_curve * smoothstep(grey, 0.18, 0.8)
    grey += style.noise * rng.standard_normal((height, width), np.float32)
    return to_image(grey)


def _colour_scan(style: BookStyle, tones: Field, light: Field) -> Image.Image:
    """Lay tones, ``(h, w)`` or ``(h, w, 3)``, over coloured paper whose blue fades fastest."""
    bands = []
    for band in range(3):
        paper, ink = np.float32(style.paper[band]), np.float32(style.ink[band])
        layer = ink + (paper - ink) * (tones if tones.ndim == 2 else tones[:, :, band])
        # Old paper darkens towards brown: more in green than in red, most in blue.
        layer = layer * (1 + (light - 1) * (0.75, 1.0, 1.3)[band])
        bands.append(Image.fromarray(np.clip(layer, 0, 255).astype(np.uint8)))
    return Image.merge("RGB", bands)


def _skew(style: BookStyle, rng: np.random.Generator, page: Image.Image) -> Image.Image:
    angle = float(rng.normal(0, style.skew_deg * 0.5))
    if abs(angle) < 0.15:
        return page
    white = (255, 255, 255) if page.mode == "RGB" else 255
    return page.rotate(angle, Image.Resampling.BILINEAR, fillcolor=white)


def _paper_light(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """Return how light the paper is at each pixel, ``(h, w)`` around 1.

    Fibre, uneven yellowing, foxing spots, the shadow of the gutter and the scanner's noise.
    """
    width, height = size
    light = 1 + 0.22 * style.yellowing * fractal(rng, size, (3, 3), 0.55, 5)
    if style.scan != "film":
        grain = rng.standard_normal((height, width), np.float32)
        light += style.noise * (0.5 * grain + uniform_filter1d(grain, 3, axis=1))
    elif rng.random() < style.spots:
        _dust(rng, light)
    if style.mottle > 0.005:
        light += style.mottle * fractal(rng, size, (width / 6, height / 6), 0.8, 3)
    if style.spots > 0.3 and style.scan == "colour":
        light -= 0.12 * style.spots * smoothstep(fractal(rng, size, (14, 14), 0.6, 3), 1.9, 2.6)
    if rng.random() < 0.35 and style.gutter > 0.05:
        edge = np.exp(-np.arange(width, dtype=np.float32) / (width * rng.uniform(0.02, 0.12)))
        light *= 1 - style.gutter * (edge if rng.random() < 0.5 else edge[::-1])
    return light


def _dust(rng: np.random.Generator, light: Field) -> None:
    """Strew dark and white specks of a film over ``light``, in place."""
    height, width = light.shape
    count = int(rng.integers(10, 160))
    ys, xs = rng.integers(0, height - 2, count), rng.integers(0, width - 2, count)
    for dy, dx in ((0, 0), (0, 1), (1, 0)):
        light[ys + dy, xs + dx] *= rng.choice((0.25, 1.6), size=count, p=(0.8, 0.2)).astype(np.float32)


def _other_side(style: BookStyle, rng: np.random.Generator, size: tuple[int, int]) -> Field:
    """Return what shows through from the other side of the leaf, ``(h, w)`` in [0, 1]: mirrored text."""
    width, height = size
    sheet = Image.new("L", (width // 2, height // 2), 255)
    em = max(8.0, max(sheet.size) / rng.uniform(24, 40))
    # One long column, cut anew for every place, stands for all.
    column = Image.new("L", (round(1.3 * em), 2 * sheet.height), 255)
    text = running_text(rng, int(column.height / em / 1.05))
    set_line(ImageDraw.Draw(column), (0, 0), text, em, 0, vertical=True)
    for x in np.arange(0.5 * em, sheet.width - em, 1.7 * em):
        sheet.paste(column, (int(x), -int(rng.uniform(0, 0.9) * sheet.height)))
    shown = sheet.transpose(Image.Transpose.FLIP_LEFT_RIGHT).filter(ImageFilter.GaussianBlur(1.2))
    shown = shown.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(1 - style.bleed * (1 - to_tones(shown)), np.float32)
