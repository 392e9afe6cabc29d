"""Search results: the right figures, in a table and on a sheet, drawn from the index alone."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.unit.indexes.figure_entries import DATA, ENCODER, SETTINGS, entry, small_index, unit_vectors
from zuroku.errors import BundleError, EvaluationError, ImageError, SourceError
from zuroku.indexes.build import build_index
from zuroku.indexes.search import load_index
from zuroku.indexes.thumbnail import thumbnail_jpeg
from zuroku.reports.search_sheet import find_figures, hits_table, search_image, search_sheet

SHA256 = ENCODER.sha256
VECTORS = unit_vectors(12)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return small_index(tmp_path_factory.mktemp("index") / "index", 12)


def picture(colour, size=(300, 300)):
    return thumbnail_jpeg(Image.new("RGB", size, colour))


def embed_as(number):
    """An encoder that sees figure ``number`` in every image."""
    return lambda data: VECTORS[number]


def shares(sheet, *colours):
    """Pixels of the sheet near each colour, in units of the pixels of one square picture on it."""
    image = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB")).astype(int)
    return [int((np.abs(image - colour).max(axis=2) < 40).sum()) / 120**2 for colour in colours]


def test_the_best_hit_is_the_figure_itself(index):
    hits = search_image(index, b"", embed_as(7), SHA256, k=4)
    assert hits[0].figure.figure_id == "fig007"
    assert hits[0].score == pytest.approx(1, abs=1e-6)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(index.thumbnail_of(hit.figure) == hit.thumbnail for hit in hits)


def test_fewer_figures_than_asked_for_give_fewer_hits(index):
    hits = search_image(index, b"", embed_as(0), SHA256, k=10, tag="stamp")
    assert {hit.figure.primary_tag for hit in hits} == {"stamp"}
    assert len(hits) == 4


def test_the_sheet_shows_the_query_and_every_hit(tmp_path):
    green, blue, red = (0, 160, 0), (0, 0, 200), (200, 0, 0)
    figures = [entry(n, VECTORS[n], thumbnail=picture(green if n else blue)) for n in range(4)]
    build_index(figures, SETTINGS, ENCODER, tmp_path / "index", DATA)
    hits = search_image(load_index(tmp_path / "index"), b"", embed_as(0), SHA256, k=4)
    sheet = search_sheet(picture(red), hits)
    assert Image.open(io.BytesIO(sheet)).format == "JPEG"
    assert shares(sheet, red, blue, green) == pytest.approx([1, 1, 3], abs=0.1)
    assert shares(search_sheet(picture(red), hits[:1]), red, blue, green) == pytest.approx([1, 1, 0], abs=0.1)
    assert shares(search_sheet(picture(red), []), red, blue, green) == pytest.approx([1, 0, 0], abs=0.1)


def test_captions_differ_with_what_they_say(index):
    first = search_image(index, b"", embed_as(0), SHA256, k=1)
    second = search_image(index, b"", embed_as(1), SHA256, k=1)
    query = picture("white")
    assert search_sheet(query, first) != search_sheet(query, second)


def test_the_table_holds_score_figure_tag_book_and_page_whole(index):
    lines = hits_table(search_image(index, b"", embed_as(7), SHA256, k=3)).splitlines()
    assert lines[0].split() == ["score", "figure", "tag", "book", "page"]
    assert lines[2].split() == ["1.000", "fig007", "graphic_map", "1003", "図鑑", "第3巻", "1003_1"]
    assert len(lines) == 5


def test_brackets_in_titles_are_no_markup_and_nothing_is_shortened(tmp_path):
    title = "[red]図鑑[/red] " + "長" * 200
    build_index([entry(0, VECTORS[0], title=title)], SETTINGS, ENCODER, tmp_path / "index", DATA)
    hits = search_image(load_index(tmp_path / "index"), b"", embed_as(0), SHA256, k=1)
    assert title in hits_table(hits)


def test_the_command_writes_the_sheet_and_returns_the_table(index, tmp_path):
    image, sheet = tmp_path / "query.jpg", tmp_path / "sheets" / "found.jpg"
    image.write_bytes(picture("red"))
    seen = []

    def embed(data):
        seen.append(data)
        return VECTORS[3]

    table = find_figures(index, image, embed, SHA256, 2, None, sheet)
    assert seen == [image.read_bytes()]
    assert "fig003" in table
    assert Image.open(sheet).format == "JPEG"
    assert find_figures(index, image, embed, SHA256, 2) == table


def test_an_unreadable_query_is_refused_and_writes_no_sheet(index, tmp_path):
    with pytest.raises(SourceError, match=r"none\.jpg cannot be read"):
        find_figures(index, tmp_path / "none.jpg", embed_as(0), SHA256)
    broken, sheet = tmp_path / "broken.jpg", tmp_path / "sheet.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(ImageError):
        find_figures(index, broken, embed_as(0), SHA256, sheet=sheet)
    assert not sheet.exists()


def test_another_encoder_and_an_unknown_tag_are_refused(index):
    with pytest.raises(BundleError, match="drawn"):
        search_image(index, b"", embed_as(0), "00" * 32, k=1)
    with pytest.raises(EvaluationError, match="map"):
        search_image(index, b"", embed_as(0), SHA256, k=1, tag="map")
