"""One page through the models: what becomes of good, blank, odd and bad pages."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from tests.unit.corpus.fakes import (
    BLACK,
    BLUE,
    DIMENSION,
    RED,
    VERSIONS,
    FakeDetector,
    FakeEmbedder,
    FakeTagger,
    Rectangle,
    open_stage,
    page_bytes,
)
from tests.unit.datasets.test_images import png_header
from zuroku.corpus.crops import square_image
from zuroku.corpus.stage import PageStage, StageSettings
from zuroku.datasets.images import decode_rgb
from zuroku.errors import BundleError, ConfigError
from zuroku.indexes.router import RouteSettings

TEXT = (BLACK, (20, 10, 30, 200))


def shown(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def test_a_figure_has_box_class_tags_vector_and_crop() -> None:
    result = open_stage().process("9_4", page_bytes([TEXT, (BLUE, (60, 20, 120, 80))]))
    (figure,) = result.figures
    assert figure.figure_id == "9_4_0"
    assert (figure.label, figure.box) == ("4_illustration", (57, 17, 123, 83))
    assert figure.score == pytest.approx(0.5 + 0.4 * 60 / 160)
    assert [tag["tag"] for tag in figure.tags] == ["blue"]
    assert figure.embedding.shape == (DIMENSION,)
    assert np.linalg.norm(figure.embedding) == pytest.approx(1)
    crop = shown(figure.jpeg)
    assert crop.size == (66, 66)
    assert np.abs(np.array(crop.getpixel((33, 33))) - BLUE).max() < 8
    assert result.error == ""
    assert (result.width, result.height) == (160, 240)
    assert set(result.milliseconds) == {"decode", "detect", "tag", "embed", "encode"}


def test_figures_come_in_reading_order_whatever_their_scores() -> None:
    page = page_bytes([(BLUE, (10, 10, 60, 60)), (RED, (90, 100, 120, 130)), (BLUE, (88, 10, 120, 40))])
    figures = open_stage().process("p", page).figures
    assert [(figure.figure_id, figure.box[:2]) for figure in figures] == [
        ("p_0", (85, 7)),
        ("p_1", (87, 97)),
        ("p_2", (7, 7)),
    ]


def test_a_figure_at_the_edge_is_clipped_to_the_page() -> None:
    figure = open_stage().process("p", page_bytes([(BLUE, (120, 200, 160, 240))])).figures[0]
    assert figure.box == (117, 197, 160, 240)
    assert shown(figure.jpeg).size == (43, 43)


def test_a_margin_is_kept_where_the_page_has_one() -> None:
    page = page_bytes([(BLUE, (100, 100, 154, 144))])
    # 60 by 50 with the detector's three pixels; a tenth of the longer side is 6.
    assert open_stage(margin_share=0.1).process("p", page).figures[0].box == (91, 91, 160, 153)


def test_a_blank_page_is_a_good_page_without_figures() -> None:
    result = open_stage().process("p", page_bytes())
    assert (result.figures, result.error, result.width) == ([], "", 160)
    assert not result.framing.found


def test_framing_comes_from_the_overall_region() -> None:
    framing = open_stage().process("p", page_bytes([(BLACK, (0, 24, 80, 216))])).framing
    assert (framing.left, framing.top, framing.right, framing.bottom) == (0, 0.1, 0.5, 0.1)
    assert framing.cut_edges == ("left",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "zero bytes"),
        (b"not an image at all", "cannot be read as an image"),
        (page_bytes([TEXT])[:200], "does not decode"),
        (page_bytes(size=(1, 1)), "1 × 1 pixels is no page"),
        (png_header(60_000, 60_000), "60000 × 60000"),
    ],
)
def test_a_bad_page_is_recorded_with_its_reason(data: bytes, reason: str) -> None:
    result = open_stage().process("p", data)
    assert reason in result.error
    assert "\n" not in result.error
    assert (result.figures, result.width, result.framing) == ((), None, None)
    assert len(result.sha256) == 64


def jpeg_page(rectangles: Sequence[Rectangle] = ()) -> bytes:
    """Return a page as a JPEG, which the detector sees at a quarter of its size."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(page_bytes(rectangles, (480, 720)))).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def full_decodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes of the pages that a stage decodes in full."""
    sizes: list[tuple[int, int]] = []

    def decode(data: bytes) -> Image.Image:
        page = decode_rgb(data)
        sizes.append(page.size)
        return page

    monkeypatch.setattr("zuroku.corpus.stage.decode_rgb", decode)
    return sizes


def test_a_figure_found_on_the_reduced_page_is_cut_from_the_whole(full_decodes: list) -> None:
    result = open_stage().process("p", jpeg_page([(BLUE, (240, 80, 400, 240))]))
    (figure,) = result.figures
    assert (result.width, result.height) == (480, 720)
    # The detector's three pixels are of the reduced page, which is an eighth.
    assert np.abs(np.array(figure.box) - (216, 56, 424, 264)).max() <= 8
    assert shown(figure.jpeg).size == (figure.box[2] - figure.box[0], figure.box[3] - figure.box[1])
    assert full_decodes == [(480, 720)]


def test_a_page_without_figures_is_not_decoded_in_full(full_decodes: list) -> None:
    result = open_stage().process("p", jpeg_page([(BLACK, (80, 160, 240, 560))]))
    assert (result.error, result.figures, result.width) == ("", [], 480)
    assert result.framing.left == pytest.approx(80 / 480, abs=8 / 480)
    assert full_decodes == []


def test_a_page_that_was_decoded_in_full_is_not_decoded_again(full_decodes: list) -> None:
    assert len(open_stage().process("p", page_bytes([(BLUE, (60, 20, 120, 80))])).figures) == 1
    assert full_decodes == []


@pytest.mark.parametrize("rectangles", [(), [(BLUE, (240, 80, 400, 240))]])
def test_a_jpeg_that_is_cut_short_is_a_bad_page_with_or_without_figures(
    rectangles: Sequence[Rectangle],
) -> None:
    data = jpeg_page(rectangles)
    assert open_stage().process("p", data).error == ""
    for kept in (len(data) // 2, len(data) * 9 // 10, len(data) - 3):
        result = open_stage().process("p", data[:kept])
        assert "does not decode" in result.error
        assert (result.figures, result.width, result.framing) == ((), None, None)


def test_one_threshold_replaces_the_detectors_own() -> None:
    page = page_bytes([(BLUE, (10, 10, 90, 60)), (RED, (90, 100, 110, 120))])
    figures = open_stage(min_score=0.6).process("p", page).figures
    assert [figure.label for figure in figures] == ["4_illustration"]


def test_only_the_configured_classes_are_cut_out() -> None:
    page = page_bytes([(BLUE, (10, 10, 90, 60)), (RED, (90, 100, 110, 120))])
    figures = open_stage(figure_classes=("5_stamp",)).process("p", page).figures
    assert [figure.label for figure in figures] == ["5_stamp"]


def test_a_class_that_the_detector_lacks_is_refused() -> None:
    with pytest.raises(BundleError, match="no class 9_table"):
        open_stage(figure_classes=("9_table", "5_stamp"))


def test_specks_are_left_out() -> None:
    page = page_bytes([(BLUE, (10, 10, 11, 11)), (RED, (90, 100, 110, 120))])
    assert [figure.label for figure in open_stage().process("p", page).figures] == ["5_stamp"]
    assert len(open_stage(min_figure_px=3).process("p", page).figures) == 2


def test_an_embedder_of_another_size_sees_the_crop_in_its_own() -> None:
    stage = PageStage(FakeDetector(), FakeTagger(), {"general": FakeEmbedder(24)}, StageSettings(), VERSIONS)
    data = page_bytes([TEXT, (BLUE, (60, 20, 120, 80))])
    (figure,) = stage.process("p", data).figures
    crop = Image.open(io.BytesIO(data)).convert("RGB").crop(figure.box)
    expected = FakeEmbedder(24).embed_pixels(square_image(crop, 24))
    np.testing.assert_array_equal(figure.embedding, expected)


def test_without_an_embedder_figures_have_no_vector() -> None:
    stage = PageStage(FakeDetector(), FakeTagger(), {}, StageSettings(), VERSIONS)
    stage.warm_up()
    (figure,) = stage.process("p", page_bytes([(BLUE, (60, 20, 120, 80))])).figures
    assert (figure.space, figure.encoder_sha256, figure.embedding) == ("", "", None)
    with pytest.raises(BundleError, match="without an embedder"):
        _ = stage.dimension


@pytest.mark.parametrize(
    ("rectangle", "space"),
    [((BLUE, (60, 20, 120, 80)), "general"), ((RED, (60, 20, 120, 80)), "museum")],
)
def test_the_primary_tag_chooses_the_embedder(rectangle: Rectangle, space: str) -> None:
    routes = RouteSettings(routes={"red": "museum"}, empty_slots=("museum",))
    both = {"general": FakeEmbedder(), "museum": FakeEmbedder(24, "the museum's", 6)}
    stage = PageStage(FakeDetector(), FakeTagger(), both, StageSettings(routes=routes), VERSIONS)
    stage.warm_up()
    (figure,) = stage.process("p", page_bytes([rectangle])).figures
    assert (figure.space, figure.encoder_sha256) == (space, both[space].sha256)
    assert figure.embedding.shape == (both[space].dimension,)
    assert stage.dimension == -1
    # The slot being empty, the default embeds all.
    stage = PageStage(
        FakeDetector(), FakeTagger(), {"general": FakeEmbedder()}, StageSettings(routes=routes), VERSIONS
    )
    assert stage.process("p", page_bytes([rectangle])).figures[0].space == "general"
    assert stage.dimension == DIMENSION


def test_an_embedder_that_no_route_names_is_refused() -> None:
    unused = {"general": FakeEmbedder(), "musem": FakeEmbedder()}
    with pytest.raises(ConfigError, match="no tag goes to musem"):
        PageStage(FakeDetector(), FakeTagger(), unused, StageSettings(), VERSIONS)
