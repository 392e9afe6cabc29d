"""Bundles of geolocators: what is written, read back and served."""

import io
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import ExifTags, Image
from torch.nn import functional

from tests.unit.models.geolocation import bundles
from tests.unit.models.geolocation.bundles import CLASSES, SIZE, picture
from zuroku.artifacts import Artifact
from zuroku.errors import BundleError, ConfigError, GeoDataError, ImageError, IntegrityError
from zuroku.models.bundle import training_groups
from zuroku.models.geolocation.bundle import load_geolocator
from zuroku.models.geolocation.findings import GEOLOCATOR_CHECKS, geolocator_findings
from zuroku.models.geolocation.network import Geolocator
from zuroku.models.geolocation.predictor import Geolocation, GeolocatorPredictor
from zuroku.models.geolocation.views import picture_views

pytestmark = pytest.mark.slow

SHAPES = [(4 * 40, 40), (50, 40), (40, 90), (4 * 64, 64)]


@pytest.fixture(scope="module")
def geolocator() -> Geolocator:
    return bundles.network()


@pytest.fixture(scope="module")
def bundle(geolocator: Geolocator, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return bundles.bundle(tmp_path_factory.mktemp("geolocator") / "bundle", geolocator)


@pytest.fixture(scope="module")
def predictor(bundle: Artifact) -> GeolocatorPredictor:
    return GeolocatorPredictor(bundle.path)


def by_torch(network: Geolocator, data: bytes) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One square at a time, averaged by numpy."""
    squares = torch.from_numpy(picture_views(data, network.settings.size_px, 4)).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        features = np.stack([network.backbone.raw_vectors(square[None])[0].numpy() for square in squares])
        raw = network.space.projection(torch.from_numpy(features.mean(axis=0))[None])
        probabilities = {t: torch.softmax(x, 1)[0].numpy() for t, x in network.space.logits(raw).items()}
    return functional.normalize(raw, dim=1)[0].numpy(), probabilities


def test_what_is_served_is_what_torch_gives(geolocator: Geolocator, predictor: GeolocatorPredictor) -> None:
    images = [picture(*shape, seed) for seed, shape in enumerate(SHAPES)]
    found = predictor.predict(images)
    assert found.vectors.shape == (len(images), 24)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    for index, data in enumerate(images):
        vector, probabilities = by_torch(geolocator, data)
        np.testing.assert_allclose(found.vectors[index], vector, atol=1e-5)
        assert list(found.probabilities) == list(CLASSES)
        for task, names in CLASSES.items():
            assert found.probabilities[task].shape == (len(images), len(names))
            if names:
                np.testing.assert_allclose(found.probabilities[task][index], probabilities[task], atol=1e-5)
    # The pictures are not all one to this network.
    assert np.abs(found.vectors[0] - found.vectors[1:]).max(axis=1).min() > 1e-3


def test_weights_read_back_are_those_written(geolocator: Geolocator, bundle: Artifact) -> None:
    again = load_geolocator(bundle.path)
    own = geolocator.state_dict()
    assert again.state_dict().keys() == own.keys()
    assert all(torch.equal(tensor, own[name]) for name, tensor in again.state_dict().items())


def test_the_card_tells_what_must_be_known(bundle: Artifact, predictor: GeolocatorPredictor) -> None:
    card = json.loads((bundle.path / "card.json").read_text())
    assert card["release"] == "restricted"
    assert card["licence"] == "CC0-1.0"
    assert card["classes"] == CLASSES == predictor.classes
    assert card["sigmas"] == [1, 4, 16, 64, 256, 1024, 4096]
    assert (predictor.sha256, predictor.dimension, predictor.size_px) == (bundle.sha256, 24, SIZE)
    assert training_groups(bundle.path) == {"a", "b"}
    readme = (bundle.path / "README.md").read_text()
    assert "Release: restricted" in readme
    assert f"answers` (n, {24 + sum(map(len, CLASSES.values()))})" in readme


def test_checks_hold_and_name_test_groups(bundle: Artifact) -> None:
    findings = geolocator_findings(bundle.path, ["c"])
    assert tuple(finding.check for finding in findings) == GEOLOCATOR_CHECKS
    assert all(finding.passed for finding in findings)
    failed = [finding.check for finding in geolocator_findings(bundle.path, ["b"]) if not finding.passed]
    assert failed == ["no_test_group_seen"]


def test_the_graph_takes_any_number_of_pictures_and_squares(bundle: Artifact) -> None:
    session = onnxruntime.InferenceSession(str(bundle.path / "model.onnx"))
    for n, v in ((1, 1), (3, 4), (2, 2)):
        pixels = np.zeros((n, v, SIZE, SIZE, 3), dtype=np.uint8)
        assert session.run(None, {"pixels": pixels})[0].shape == (n, 24 + sum(map(len, CLASSES.values())))


def test_locations_are_those_of_the_network(geolocator: Geolocator, predictor: GeolocatorPredictor) -> None:
    coordinates = np.array([[35.68, 139.77], [35.689, 139.77], [-90, 0], [0, 180]])
    with torch.inference_mode():
        expected = geolocator.space.location(torch.from_numpy(coordinates)).numpy()
    found = predictor.encode_locations(coordinates)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert predictor.encode_locations(np.empty((0, 2))).shape == (0, 24)
    with pytest.raises(GeoDataError, match="swapped"):
        predictor.encode_locations([[139.77, 35.68]])


def test_a_position_in_the_file_does_not_change_the_answer(predictor: GeolocatorPredictor) -> None:
    image = Image.open(io.BytesIO(picture(160, 40)))
    files = []
    for latitude in (None, 35, 70):
        exif = Image.Exif()
        if latitude is not None:
            exif[ExifTags.IFD.GPSInfo] = {
                ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (latitude, 0.0, 0.0),
                ExifTags.GPS.GPSLongitudeRef: "E", ExifTags.GPS.GPSLongitude: (139.0, 0.0, 0.0),
            }  # fmt: skip
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", lossless=True, exif=exif)
        files.append(buffer.getvalue())
    assert len({bytes(data) for data in files}) == 3
    position = Image.open(io.BytesIO(files[2])).getexif().get_ifd(ExifTags.IFD.GPSInfo)
    assert position[ExifTags.GPS.GPSLatitude][0] == 70
    found = predictor.predict(files)
    assert (found.vectors == found.vectors[0]).all()
    assert all((part == part[0]).all() for part in found.probabilities.values())


def test_a_bad_picture_among_good_ones_gives_its_error(predictor: GeolocatorPredictor) -> None:
    good, bad = picture(40, 40), b"no picture"

    def gone() -> bytes:
        raise FileNotFoundError("gone")

    answers = list(predictor.stream([lambda: good, lambda: bad, gone, lambda: good]))
    assert [type(answer) for answer in answers] == [Geolocation, ImageError, FileNotFoundError, Geolocation]
    with pytest.raises(ImageError):
        predictor.predict([good, bad])
    nothing = predictor.predict([])
    assert nothing.vectors.shape == (0, 24)
    assert nothing.probabilities["municipality"].shape == (0, 3)


def test_a_folder_that_is_no_geolocator_is_refused(bundle: Artifact, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        GeolocatorPredictor(tmp_path)
    changed = tmp_path / "changed"
    changed.mkdir()
    for file in bundle.path.iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    (changed / "card.json").write_text("{}")
    with pytest.raises(IntegrityError):
        GeolocatorPredictor(changed)


def test_a_vision_transformer_is_served_as_torch_has_it(tmp_path: Path) -> None:
    network = bundles.network(backbone="vit_tiny_patch16_224", size_px=224)
    predictor = GeolocatorPredictor(bundles.bundle(tmp_path / "bundle", network).path)
    images = [picture(4 * 230, 230, 1), picture(300, 230, 2)]
    found = predictor.predict(images)
    for index, data in enumerate(images):
        vector, probabilities = by_torch(network, data)
        assert vector @ found.vectors[index] > 0.9999
        for task, expected in probabilities.items():
            np.testing.assert_allclose(found.probabilities[task][index], expected, atol=1e-3)
    # The pictures are not one to this network.
    assert found.vectors[0] @ found.vectors[1] < 0.9999


def test_a_backbone_of_one_size_takes_no_other() -> None:
    with pytest.raises(ConfigError, match="vit_tiny_patch16_224 at 128 pixels"):
        bundles.network(backbone="vit_tiny_patch16_224", size_px=128)
