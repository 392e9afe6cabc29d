"""The command line on good and bad input."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from tests.unit.datasets.test_images import gradient, png_header
from zuroku.artifacts import Artifact, build
from zuroku.cli import app
from zuroku.models.backbones import create_backbone
from zuroku.models.bundle import TaggerCard, write_bundle
from zuroku.models.tagger import ServedTagger, Tagger
from zuroku.profile import champion_folder
from zuroku.publishing import publish
from zuroku.tagging import source_folders

SIZE = 32


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A real bundle of a model that knows nothing."""
    torch.manual_seed(0)
    tagger = Tagger(create_backbone("tf_efficientnet_lite0", "random"), 2)
    card = TaggerCard(
        name="t", labels=["graphic", "stamp"], hierarchy={"graphic": [], "stamp": []},
        trained=["graphic", "stamp"], thresholds=[0.01, 0.99], temperature=1.0, size_px=SIZE,
        preprocessing="squashed", backbone="tf_efficientnet_lite0", data={}, settings={}, validation={},
        licence="CC0-1.0", code_version="1",
    )  # fmt: skip

    def make(work: Path) -> None:
        model = ServedTagger(tagger, [0.5] * 3, [0.5] * 3, 1.0)
        write_bundle(work, model, card, ["1"], torch.zeros(2, SIZE, SIZE, 3, dtype=torch.uint8))

    return build(tmp_path_factory.mktemp("bundle") / "bundle", make)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def save(path: Path, image: Image.Image, kind: str = "JPEG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, kind)


def test_good_and_bad_images_side_by_side(bundle: Artifact, tmp_path: Path) -> None:
    book, out = tmp_path / "in" / "1234567", tmp_path / "out"
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    save(book / "1234567_1_0.jpg", rgb)
    save(book / "1234567_2_0.jpg", rgb.convert("CMYK"))
    save(book / "1234567_3_0.png", Image.fromarray(gradient().astype(np.uint16) * 257), "PNG")
    save(book / "1234567_4_0.jpg", rgb, "PNG")
    buffer = io.BytesIO()
    rgb.save(buffer, "JPEG")
    (book / "1234567_5_0.jpg").write_bytes(buffer.getvalue()[:1500])
    (book / "1234567_6_0.jpg").write_bytes(b"")
    (book / "1234567_7_0.png").write_bytes(png_header(60_000, 60_000))
    (book / "notes.txt").write_text("not an image")
    result = run("tag", tmp_path / "in", "--out", out, "--model", bundle.path)
    assert result.exit_code == 3
    assert "4 images of 1 books tagged" in result.output
    for item_id, reason in (("5", "does not decode"), ("6", "zero bytes"), ("7", "60000 × 60000")):
        assert f"passed over 1234567/1234567_{item_id}_0: " in result.stderr
        assert reason in result.stderr
    text = (out / "1234567.json").read_text(encoding="ascii")
    tags = json.loads(text)
    assert sorted(tags) == [f"1234567_{n}_0" for n in (1, 2, 3, 4)]
    # As the original writes it: json.dump's defaults, tag before confidence, three places.
    assert text == json.dumps(tags)
    for found in tags.values():
        assert [list(tag) for tag in found] == [["tag", "confidence"]]
        assert found[0]["tag"] == "graphic"
        assert found[0]["confidence"] == round(found[0]["confidence"], 3)


def test_one_threshold_for_all_replaces_the_models_own(bundle: Artifact, tmp_path: Path) -> None:
    save(tmp_path / "in" / "1_1_0.jpg", Image.new("RGB", (40, 40)))
    for threshold, told in ((0.0001, ["graphic", "stamp"]), (0.9999, [])):
        arguments = ("--out", tmp_path / "out", "--model", bundle.path, "--threshold", threshold)
        assert run("tag", tmp_path / "in", *arguments).exit_code == 0
        tags = json.loads((tmp_path / "out" / "in.json").read_text())
        assert [tag["tag"] for tag in tags["1_1_0"]] == told


@pytest.mark.parametrize(("folder", "said"), [("nowhere", "is not a folder"), ("empty", "no image in")])
def test_a_folder_without_images_is_said(bundle: Artifact, tmp_path: Path, folder: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    result = run("tag", tmp_path / folder, "--out", tmp_path / "out", "--model", bundle.path)
    assert result.exit_code == 1
    assert said in result.output
    assert not (tmp_path / "out").exists()


def test_without_a_champion_the_remedy_is_said(tmp_path: Path) -> None:
    save(tmp_path / "in" / "1_1_0.jpg", Image.new("RGB", (40, 40)))
    result = run("tag", tmp_path / "in", "--out", tmp_path / "out", "--var", tmp_path / "var")
    assert result.exit_code == 1
    assert "no model bundle" in result.output
    assert "make demo" in result.output


def test_a_configuration_with_faults_lists_them_all(tmp_path: Path) -> None:
    text = "name: x\nsource: folder\nhierarchy: {a: []}\ncolour: red\nlicence: 3\n"
    (tmp_path / "figures.yaml").write_text(text)
    result = run("ingest", "figures", "--configs", tmp_path, "--data", tmp_path / "data")
    assert result.exit_code == 1
    for fault in ("colour", "licence", "description", "url"):
        assert fault in result.output


def test_an_unknown_dataset_is_said(tmp_path: Path) -> None:
    result = run("ingest", "nothing", "--configs", tmp_path, "--data", tmp_path / "data")
    assert result.exit_code == 1
    assert "no configuration file" in result.output


def test_a_class_folder_that_the_hierarchy_lacks_is_named(tmp_path: Path) -> None:
    save(tmp_path / "raw" / "graphic_map" / "1_1_0.jpg", Image.new("RGB", (40, 40)))
    save(tmp_path / "raw" / "picture_nature" / "2_1_0.jpg", Image.new("RGB", (40, 40)))
    (tmp_path / "figures.yaml").write_text(
        "name: x\ndescription: x\nlicence: CC0-1.0\nurl: https://example.org\nhierarchy: {graphic_map: []}\n"
        "source: folder\nfolder: {root: raw, layout: class_folders, licence: CC0-1.0}\n"
    )
    result = run("ingest", "figures", "--configs", tmp_path, "--data", tmp_path / "d", "--root", tmp_path)
    assert result.exit_code == 1
    assert "picture_nature" in result.output
    assert not (tmp_path / "d" / "figures").exists()


def test_the_id_is_the_file_name_less_four_characters_and_the_text_is_ascii(
    bundle: Artifact, tmp_path: Path
) -> None:
    picture = Image.new("RGB", (40, 40))
    for name in ("図版_1.JPG", "1_2_0.jpeg", "scan.tiff"):
        save(tmp_path / "in" / "book" / name, picture, "TIFF" if name.endswith("tiff") else "JPEG")
    assert run("tag", tmp_path / "in", "--out", tmp_path / "out", "--model", bundle.path).exit_code == 0
    text = (tmp_path / "out" / "book.json").read_bytes().decode("ascii")
    assert sorted(json.loads(text)) == ["1_2_0.", "scan.", "図版_1"]
    assert "\\u56f3\\u7248_1" in text
    assert "\n" not in text


def test_the_released_model_is_what_champion_means(bundle: Artifact, tmp_path: Path) -> None:
    publish(bundle, champion_folder(tmp_path / "var", "figure_tagger"), "sample")
    save(tmp_path / "in" / "1_1_0.jpg", Image.new("RGB", (40, 40)))
    for name, chosen in (("a", ["--var", tmp_path / "var"]), ("b", ["--model", bundle.path])):
        assert run("tag", tmp_path / "in", "--out", tmp_path / name, *chosen).exit_code == 0
    assert (tmp_path / "a" / "in.json").read_bytes() == (tmp_path / "b" / "in.json").read_bytes()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "card.json").write_text("{}"), "changed card.json"),
        (lambda folder: (folder / "model.onnx").unlink(), "missing model.onnx"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "has no SHA256SUMS"),
    ],
)
def test_a_damaged_bundle_is_refused_before_anything_is_written(
    bundle: Artifact, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    shutil.copytree(bundle.path, tmp_path / "bundle")
    damage(tmp_path / "bundle")
    save(tmp_path / "in" / "1_1_0.jpg", Image.new("RGB", (40, 40)))
    result = run("tag", tmp_path / "in", "--out", tmp_path / "out", "--model", tmp_path / "bundle")
    assert result.exit_code == 1
    assert "IntegrityError" in result.stderr
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("threshold", ["-0.1", "1.5", "half"])
def test_a_threshold_that_is_no_probability_is_refused(tmp_path: Path, threshold: str) -> None:
    result = run("tag", tmp_path, "--out", tmp_path / "out", "--threshold", threshold)
    assert result.exit_code == 2
    assert "--threshold" in result.stderr


def test_a_configuration_that_is_no_mapping_is_said(tmp_path: Path) -> None:
    (tmp_path / "figures.yaml").write_text("- one\n")
    result = run("ingest", "figures", "--configs", tmp_path, "--data", tmp_path / "data")
    assert result.exit_code == 1
    assert "ConfigError" in result.stderr
    assert "holds list" in result.stderr


def test_bad_images_of_equal_name_in_two_books_are_both_said(bundle: Artifact, tmp_path: Path) -> None:
    for book in ("one", "two"):
        save(tmp_path / "in" / book / "page_2.jpg", Image.new("RGB", (40, 40)))
        (tmp_path / "in" / book / "page_1.jpg").write_bytes(b"")
    result = run("tag", tmp_path / "in", "--out", tmp_path / "out", "--model", bundle.path)
    assert result.exit_code == 3
    assert "2 images of 2 books tagged, 2 passed over" in result.stdout
    assert result.stderr.count("passed over") == 2
    for book in ("one", "two"):
        assert f"passed over {book}/page_1: " in result.stderr


def test_files_of_one_id_are_all_said_and_nothing_is_written(bundle: Artifact, tmp_path: Path) -> None:
    picture, folder = Image.new("RGB", (40, 40)), tmp_path / "in"
    for name in ("good/1_1_0.jpg", "one/1_1_0.jpg", "one/1_1_0.png", "two/2_1_0.png", "two/2_1_0.tif"):
        save(folder / name, picture)
    # An id may come again in another book.
    save(folder / "two" / "1_1_0.jpg", picture)
    result = run("tag", folder, "--out", tmp_path / "out", "--model", bundle.path)
    assert result.exit_code == 1
    assert "SourceError" in result.stderr
    one, two = folder / "one", folder / "two"
    pairs = f"{one / '1_1_0.jpg'} and {one / '1_1_0.png'}; {two / '2_1_0.png'} and {two / '2_1_0.tif'}\n"
    assert f"the same id: {pairs}" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_book_named_as_the_folder_around_it_is_not_lost(tmp_path: Path) -> None:
    for path in ("1_1_0.jpg", "book/2_1_0.jpg"):
        save(tmp_path / "book" / path, Image.new("RGB", (40, 40)))
    files = [path.name for files in source_folders(tmp_path / "book").values() for path in files]
    assert sorted(files) == ["1_1_0.jpg", "2_1_0.jpg"]
