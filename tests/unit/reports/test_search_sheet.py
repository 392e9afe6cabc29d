"""Search results: the right figures, in a table and on a sheet, drawn from the index alone."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.unit.indexes.figure_entries import (
    DATA,
    DIMENSION,
    ENCODER,
    ENCODERS,
    ROUTES,
    SETTINGS,
    entries,
    entry,
    small_index,
    unit_vectors,
)
from zuroku.artifacts import build
from zuroku.errors import BundleError, EvaluationError, ImageError, SourceError
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import EncoderIdentity, SpaceEncoder
from zuroku.indexes.router import UNTAGGED
from zuroku.indexes.search import load_index
from zuroku.indexes.thumbnail import thumbnail_jpeg
from zuroku.reports.search_sheet import (
    Wanted,
    find_figures,
    hits_table,
    primary_tag_of,
    search_image,
    search_sheet,
)

SHA256 = ENCODER.sha256
VECTORS = unit_vectors(12)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return small_index(tmp_path_factory.mktemp("index") / "index", 12)


def picture(colour, size=(300, 300)):
    return thumbnail_jpeg(Image.new("RGB", size, colour))


class EncoderOf:
    """An encoder that sees figure ``number`` in every image."""

    def __init__(self, number, sha256=SHA256):
        self.number, self.sha256, self.seen = number, sha256, []

    def embed_bytes(self, data):
        self.seen.append(data)
        return VECTORS[self.number]


def shares(sheet, *colours):
    """Pixels of the sheet near each colour, in units of the pixels of one square picture on it."""
    image = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB")).astype(int)
    return [int((np.abs(image - colour).max(axis=2) < 40).sum()) / 120**2 for colour in colours]


def test_the_best_hit_is_the_figure_itself(index):
    hits = search_image(index, b"", EncoderOf(7), Wanted(k=4))
    assert hits[0].figure.figure_id == "fig007"
    assert hits[0].score == pytest.approx(1, abs=1e-6)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(index.thumbnail_of(hit.figure) == hit.thumbnail for hit in hits)


def test_fewer_figures_than_asked_for_give_fewer_hits(index):
    hits = search_image(index, b"", EncoderOf(0), Wanted(k=10, tag="stamp"))
    assert {hit.figure.primary_tag for hit in hits} == {"stamp"}
    assert len(hits) == 4


def test_the_sheet_shows_the_query_and_every_hit(tmp_path):
    green, blue, red = (0, 160, 0), (0, 0, 200), (200, 0, 0)
    figures = [entry(n, VECTORS[n], thumbnail=picture(green if n else blue)) for n in range(4)]
    build_index(figures, SETTINGS, ENCODERS, ROUTES, tmp_path / "index", DATA)
    hits = search_image(load_index(tmp_path / "index"), b"", EncoderOf(0), Wanted(k=4))
    sheet = search_sheet(picture(red), hits)
    assert Image.open(io.BytesIO(sheet)).format == "JPEG"
    assert shares(sheet, red, blue, green) == pytest.approx([1, 1, 3], abs=0.1)
    assert shares(search_sheet(picture(red), hits[:1]), red, blue, green) == pytest.approx([1, 1, 0], abs=0.1)
    assert shares(search_sheet(picture(red), []), red, blue, green) == pytest.approx([1, 0, 0], abs=0.1)


def test_captions_differ_with_what_they_say(index):
    first = search_image(index, b"", EncoderOf(0), Wanted(k=1))
    second = search_image(index, b"", EncoderOf(1), Wanted(k=1))
    query = picture("white")
    assert search_sheet(query, first) != search_sheet(query, second)


def test_the_table_holds_score_figure_tag_book_and_page_whole(index):
    lines = hits_table(search_image(index, b"", EncoderOf(7), Wanted(k=3))).splitlines()
    assert lines[0].split() == ["score", "figure", "tag", "book", "page"]
    assert lines[2].split() == ["1.000", "fig007", "graphic_map", "1003", "図鑑", "第3巻", "1003_1"]
    assert len(lines) == 5


def test_brackets_in_titles_are_no_markup_and_nothing_is_shortened(tmp_path):
    title = "[red]図鑑[/red] " + "長" * 200
    build_index([entry(0, VECTORS[0], title=title)], SETTINGS, ENCODERS, ROUTES, tmp_path / "index", DATA)
    hits = search_image(load_index(tmp_path / "index"), b"", EncoderOf(0), Wanted(k=1))
    assert title in hits_table(hits)


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    """An index of two spaces that holds its encoders; what their bundles say is whose they are."""
    folder = tmp_path_factory.mktemp("routed")
    encoders = {}
    for name in ("general", "landmark"):

        def make(work, name=name):
            (work / "card.json").write_text(name)

        bundle = build(folder / name, make)
        identity = EncoderIdentity(
            name=name, sha256=bundle.sha256, preprocessing="squash to 224 px", dimension=DIMENSION
        )
        encoders[name] = SpaceEncoder(identity, bundle.path)
    build_index(entries(12), SETTINGS, encoders, ROUTES, folder / "index", DATA)
    return load_index(folder / "index")


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "query.jpg"
    path.write_bytes(picture("red"))
    return path


def opener(index, opened):
    """Open an encoder of ``index`` that sees figure 5, a landmark, in everything."""

    def open_encoder(folder):
        opened.append((folder / "card.json").read_text())
        return EncoderOf(5, index.manifest.spaces[opened[-1]].encoder.sha256)

    return open_encoder


def never(data):
    return pytest.fail("the query was tagged")


@pytest.mark.parametrize(
    ("tag", "first_line", "first_figure"),
    [
        ("picture_landmark", "space landmark (the query is tagged picture_landmark: where ", "fig005"),
        ("stamp", "space general (the query is tagged stamp: the default for stamp)", None),
        (UNTAGGED, "space general (the query is tagged untagged: the default for untagged)", None),
        ("picture_indoor", "because indoor_scene, where picture_indoor belongs, is empty)", None),
    ],
)
def test_the_tag_of_the_query_chooses_space_and_encoder(routed, image, tag, first_line, first_figure):
    opened, seen = [], []
    told = find_figures(
        routed, image, opener(routed, opened), lambda data: seen.append(data) or tag, Wanted(k=3)
    ).splitlines()
    assert seen == [image.read_bytes()]
    assert opened == [told[0].split()[1]]
    assert first_line in told[0]
    assert ("fig005" in told[3]) == (first_figure is not None)
    assert len(told) == 6


@pytest.mark.parametrize(
    ("wanted", "space"),
    [
        (Wanted(space="landmark"), "landmark"),
        (Wanted(space="general", exact=True), "general"),
        (Wanted(tag="picture_landmark"), "landmark"),
        (Wanted(space="general", tag="stamp"), "general"),
    ],
)
def test_what_is_asked_for_needs_no_tagger(routed, image, wanted, space):
    opened = []
    told = find_figures(routed, image, opener(routed, opened), never, wanted)
    assert opened == [space]
    assert told.startswith(f"space {space} (")


def test_the_sheet_is_written_beside_the_table(routed, image, tmp_path):
    sheet = tmp_path / "sheets" / "found.jpg"
    wanted = Wanted(k=2, space="landmark")
    told = find_figures(routed, image, opener(routed, []), never, wanted, sheet)
    assert "fig005" in told
    assert Image.open(sheet).format == "JPEG"
    assert find_figures(routed, image, opener(routed, []), never, wanted) == told


def test_an_unreadable_query_is_refused_and_writes_no_sheet(routed, tmp_path):
    with pytest.raises(SourceError, match=r"none\.jpg cannot be read"):
        find_figures(routed, tmp_path / "none.jpg", opener(routed, []), never, Wanted())
    broken, sheet = tmp_path / "broken.jpg", tmp_path / "sheet.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(ImageError):
        find_figures(routed, broken, opener(routed, []), never, Wanted(space="general"), sheet)
    assert not sheet.exists()


def test_an_encoder_other_than_the_bundle_names_is_refused(routed, image):
    with pytest.raises(BundleError, match=f"(?s)encoder {SHA256}.*the space landmark"):
        find_figures(routed, image, lambda folder: EncoderOf(5), never, Wanted(space="landmark"))


@pytest.mark.parametrize(
    ("decided", "tag"),
    [([1, 0, 0], "picture"), ([1, 1, 0], "picture_landmark"), ([0, 0, 0], UNTAGGED), ([0, 1, 1], "stamp")],
)
def test_the_primary_tag_of_an_image_is_the_last_that_the_tagger_decides(decided, tag):
    class Tagger:
        card = SimpleNamespace(labels=["picture", "picture_landmark", "stamp"], size_px=32)

        def probabilities(self, pixels):
            assert pixels.shape == (32, 32, 3)
            return np.array(decided, dtype=np.float32)

        def decide(self, probabilities):
            return probabilities > 0.5

    assert primary_tag_of(Tagger(), picture("red")) == tag


def test_another_encoder_and_an_unknown_tag_are_refused(index):
    with pytest.raises(BundleError, match="drawn"):
        search_image(index, b"", EncoderOf(0, "00" * 32), Wanted(k=1))
    with pytest.raises(EvaluationError, match="map"):
        search_image(index, b"", EncoderOf(0), Wanted(k=1, tag="map"))
