"""Images nobody vouches for: formats, colour modes, damage and bombs."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from zuroku.datasets.images import (
    MAX_PIXELS,
    decode_reduced,
    decode_rgb,
    phone_format,
    probe_image,
    square_pixels,
    upright_size,
)
from zuroku.errors import ImageError


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(size: int = 64) -> np.ndarray:
    return np.tile(np.linspace(0, 255, size), (size, 1)).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 1000) + b"IDAT" + bytes(100)


def test_zero_bytes_are_refused() -> None:
    with pytest.raises(ImageError, match="zero bytes"):
        probe_image(b"")


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"heic\0\0\0\0mif1heic", "HEIC"),
        (b"heix\0\0\0\0mif1heix", "HEIC"),
        (b"mif1\0\0\0\0mif1heic", "HEIC"),
        (b"msf1\0\0\0\0hevc", "HEIC"),
        (b"avif\0\0\0\0mif1miaf", "AVIF"),
        (b"mif1\0\0\0\0avifmiaf", "AVIF"),
        (b"isom\0\0\2\0isomiso2", ""),
    ],
)
def test_what_phones_write_is_named_with_the_conversion(brands: bytes, name: str) -> None:
    head = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands
    # What follows the box is no brand.
    data = head + b"heicavif"
    assert phone_format(data) == name
    for decode in (decode_rgb, probe_image, upright_size):
        with pytest.raises(ImageError, match=f"in {name}," if name else "start with") as raised:
            decode(data)
        assert ("to JPEG, keeping its metadata" in raised.value.remedy) == bool(name)


def test_a_picture_is_of_no_phone_format() -> None:
    assert phone_format(b"") == phone_format(b"\xff\xd8\xff\xe0\0\x10JFIF\0") == ""


def test_text_is_refused_with_what_it_starts_with() -> None:
    with pytest.raises(ImageError, match="hello"):
        probe_image(b"hello world")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_truncated_image_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), kind)
    assert probe_image(data).width == 64
    with pytest.raises(ImageError):
        probe_image(data[: len(data) // 2])


def test_the_first_picture_of_a_phones_multi_picture_file_is_the_image() -> None:
    first, second = Image.fromarray(gradient(64)), Image.fromarray(gradient(32))
    data = encode(first.convert("RGB"), "MPO", save_all=True, append_images=[second.convert("RGB")])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    found = probe_image(data)
    assert (found.width, found.height, found.media_type) == (64, 64, "image/jpeg")
    assert decode_rgb(data).size == decode_reduced(data, 64)[1] == upright_size(data) == (64, 64)


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    with pytest.raises(ImageError, match="60000 × 60000"):
        probe_image(png_header(60_000, 60_000))
    assert MAX_PIXELS < 60_000 * 60_000


def test_a_png_called_jpg_is_known_by_its_bytes() -> None:
    assert probe_image(encode(Image.fromarray(gradient()), "PNG")).media_type == "image/png"


def test_cmyk_becomes_the_rgb_it_stands_for() -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixel = np.asarray(decode_rgb(encode(red, "JPEG", quality=95)))[8, 8]
    assert pixel[0] > 200
    assert pixel[1:].max() < 60


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    deep = (gradient().astype(np.uint16)) * 257
    rgb = np.asarray(decode_rgb(encode(Image.fromarray(deep), "PNG")))
    assert np.abs(rgb[..., 0].astype(int) - gradient()).max() <= 1


def test_transparency_is_laid_on_white_paper() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert (np.asarray(decode_rgb(encode(clear, "PNG"))) == 255).all()


def test_the_exif_orientation_is_applied() -> None:
    image = Image.new("RGB", (40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_rgb(encode(image, "JPEG", exif=exif.tobytes())).size == (20, 40)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_upright_size_is_that_of_the_decoded_image(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.new("RGB", (80, 40)), kind, exif=exif if kind == "TIFF" else exif.tobytes())
    upright = (40, 80) if orientation in (6, 8) else (80, 40)
    reduced, full_size = decode_reduced(data, long_side_px=40)
    assert decode_rgb(data).size == upright_size(data) == full_size == upright
    assert (reduced.width > reduced.height) == (upright[0] > upright[1])


def test_a_png_cut_short_has_no_upright_size() -> None:
    with pytest.raises(ImageError, match="does not decode"):
        upright_size(encode(Image.effect_noise((64, 64), 60), "PNG")[:200])


@pytest.mark.parametrize(
    ("size", "long_side_px", "reduced_size"),
    [
        # 427 pixels are needed of the short side: a quarter has 500, an eighth 250.
        ((2000, 3000), 640, (500, 750)),
        ((3000, 2000), 640, (750, 500)),
        ((1600, 1200), 640, (800, 600)),
        ((1600, 1200), 801, (1600, 1200)),
        ((3072, 3072), 384, (384, 384)),
        ((300, 200), 640, (300, 200)),
    ],
)
def test_a_jpeg_is_reduced_as_far_as_its_long_side_allows(
    size: tuple[int, int], long_side_px: int, reduced_size: tuple[int, int]
) -> None:
    reduced, full_size = decode_reduced(encode(Image.new("L", size), "JPEG"), long_side_px)
    assert (reduced.size, full_size, reduced.mode) == (reduced_size, size, "RGB")


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]
)
def test_a_reduced_decode_refuses_what_the_full_one_refuses(options: dict[str, object]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (150, 100, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise).resize((200, 300)), "JPEG", **options)
    assert decode_reduced(data, 30)[1] == (200, 300)
    for kept in [*range(len(data) // 2, len(data) - 40, 997), *range(len(data) - 40, len(data))]:
        with pytest.raises(ImageError):
            decode_rgb(data[:kept])
        with pytest.raises(ImageError):
            decode_reduced(data[:kept], 30)


def test_scaled_decoding_never_has_fewer_pixels_than_asked_for() -> None:
    data = encode(Image.new("RGB", (1000, 700)), "JPEG")
    scaled = decode_rgb(data, min_side_px=256)
    assert min(scaled.size) >= 256
    assert scaled.size[0] < 1000


def test_a_square_picture_is_near_the_plain_resize() -> None:
    y, x = np.mgrid[0:600, 0:900]
    smooth = (127 + 120 * np.sin(x / 90) * np.cos(y / 70)).astype(np.uint8)
    image = Image.fromarray(np.stack([smooth] * 3, axis=-1))
    data = encode(image, "JPEG", quality=95)
    plain = np.asarray(image.resize((96, 96), Image.Resampling.BILINEAR)).astype(int)
    ours = square_pixels(data, 96)
    assert ours.shape == (96, 96, 3)
    assert np.abs(ours.astype(int) - plain).mean() < 2
