"""The command line on good and bad input."""

import io
import json
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
        assert f"passed over 1234567_{item_id}_0" in result.output
        assert reason in result.output
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
