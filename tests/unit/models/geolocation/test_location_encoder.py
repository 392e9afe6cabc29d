"""The location encoder: projection, features and widths against oracles, published weights, near places."""

import math
import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from pyproj import Geod, Proj
from torch import nn
from torch.nn import functional

from zuroku.errors import ConfigError
from zuroku.models.geolocation import location_encoder
from zuroku.models.geolocation.location_encoder import (
    FourierFeatures,
    LocationEncoder,
    create_location_encoder,
    equal_earth,
    load_geoclip,
)
from zuroku.models.geolocation.settings import FREQUENCIES, LocationSettings, kernel_width_km

TOKYO = (35.6812, 139.7671)
GEOCLIP_SCALE = 66.50336 / 180


def places(n: int = 200) -> np.ndarray:
    draw = np.random.default_rng(5)
    anywhere = np.stack([draw.uniform(-90, 90, n), draw.uniform(-180, 180, n)], axis=1)
    edges = [[0, 0], [90, 0], [-90, 20], [0, 180], [0, -180], [45, 180], TOKYO]
    return np.concatenate([anywhere, np.array(edges, dtype=float)])


def north_of(place: tuple[float, float], km: float, azimuth: float = 0.0) -> tuple[float, float]:
    longitude, latitude, _ = Geod(a=6371000, b=6371000).fwd(place[1], place[0], azimuth, 1000 * km)
    return latitude, longitude


def test_the_projection_is_equal_earth_of_the_sphere_at_the_scale_of_geoclip() -> None:
    coordinates = places()
    x, y = Proj("+proj=eqearth +R=1")(coordinates[:, 1], coordinates[:, 0])
    found = equal_earth(torch.from_numpy(coordinates)).numpy()
    np.testing.assert_allclose(found, GEOCLIP_SCALE * np.stack([x, y], axis=1), atol=1e-9)
    assert np.abs(found).max() == pytest.approx(1, abs=1e-4)


def test_the_two_sides_of_the_antimeridian_lie_at_opposite_ends() -> None:
    west, east = equal_earth(torch.tensor([[10.0, -180.0], [10.0, 180.0]], dtype=torch.float64))
    assert west[0] == -east[0]
    assert west[1] == east[1]


def test_inner_products_of_fourier_features_are_the_gaussian_kernel() -> None:
    sigma = 4.0
    draw = np.random.default_rng(0)
    points = draw.uniform(-0.1, 0.1, (40, 2))
    features = FourierFeatures(sigma, torch.Generator().manual_seed(1))(torch.from_numpy(points)).numpy()
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    kernel = np.exp(-2 * (np.pi * sigma * apart) ** 2)
    # A mean of 256 cosines scatters by at most 1/16.
    assert np.abs(features @ features.T / FREQUENCIES - kernel).max() < 4 / 16
    assert np.abs(features @ features.T / FREQUENCIES - kernel).mean() < 1.5 / 16


def test_cosines_come_before_sines_and_take_the_rows_of_b() -> None:
    layer = FourierFeatures(2.0, torch.Generator().manual_seed(1))
    point = np.array([[0.3, -0.2]])
    turns = 2 * np.pi * layer.b.numpy().astype(float) @ point[0]
    expected = np.concatenate([np.cos(turns), np.sin(turns)])
    np.testing.assert_allclose(layer(torch.from_numpy(point)).numpy()[0], expected, atol=1e-6)


def test_frequencies_are_drawn_from_the_seed_are_a_buffer_and_have_the_deviation_sigma() -> None:
    first, again, other = (LocationEncoder(LocationSettings(seed=s, width=8), 8) for s in (1, 1, 2))
    for sigma, a, b, c in zip(
        first.sigmas, first.children(), again.children(), other.children(), strict=True
    ):
        drawn = [part.capsule[0].b for part in (a, b, c)]
        assert torch.equal(drawn[0], drawn[1])
        assert not torch.equal(drawn[0], drawn[2])
        assert float(drawn[0].std()) == pytest.approx(sigma, rel=0.15)
    assert not [name for name, _ in first.named_parameters() if name.endswith(".b")]
    assert [name for name in first.state_dict() if name.endswith("LocEnc0.capsule.0.b")]


def measured_kernel(sigma: float, a: tuple[float, float], b: tuple[float, float]) -> float:
    """The mean of the cosine over very many frequencies, by numpy."""
    positions = equal_earth(torch.tensor([a, b], dtype=torch.float64)).numpy()
    frequencies = sigma * np.random.default_rng(0).standard_normal((200_000, 2))
    return float(np.cos(2 * np.pi * frequencies @ (positions[1] - positions[0])).mean())


@pytest.mark.parametrize(
    ("sigma", "east", "north"),
    [(16, 178, 143), (64, 44.5, 35.8), (256, 11.1, 8.9), (1024, 2.8, 2.2), (4096, 0.69, 0.56)],
)
def test_widths_at_tokyo_are_as_documented(sigma: float, east: float, north: float) -> None:
    for width, azimuth in ((east, 90.0), (north, 0.0)):
        fallen = measured_kernel(sigma, TOKYO, north_of(TOKYO, width, azimuth))
        assert fallen == pytest.approx(math.exp(-0.5), abs=0.03)
    # Equal Earth keeps areas, so the mean width is between those of the main directions, as is the root of
    # their product where these are at a right angle on the map.
    assert north < kernel_width_km(sigma) < east
    assert f"\n    {sigma} " in str(LocationSettings.__doc__)


def fourier(variant: str, coordinates: np.ndarray) -> np.ndarray:
    encoder = LocationEncoder(LocationSettings(variant=variant, width=8), 8)
    positions = equal_earth(torch.from_numpy(coordinates))
    return np.concatenate([part.capsule[0](positions).numpy() for part in encoder.children()], axis=1)


def test_places_one_km_apart_are_told_apart_by_fine_and_not_by_paper() -> None:
    pair = np.array([TOKYO, north_of(TOKYO, 1.0)])
    least = {}
    for variant in ("fine", "paper", "geoclip"):
        by_capsule = fourier(variant, pair).reshape(2, -1, 2 * FREQUENCIES)
        least[variant] = float((by_capsule[0] * by_capsule[1]).sum(axis=1).min() / FREQUENCIES)
    assert least["fine"] < 0.4
    assert least["paper"] > 0.98
    assert least["geoclip"] > 0.98


def test_a_pattern_of_one_km_is_learned_from_fine_features_and_not_from_those_of_the_paper() -> None:
    draw = np.random.default_rng(2)
    # A chequerboard with fields of 1 km in a square of 4 km; other places are asked for than are known.
    east, north = draw.uniform(0, 4, (2, 1400))
    degrees_north = 1 / 111.195
    degrees_east = degrees_north / math.cos(math.radians(TOKYO[0]))
    coordinates = np.stack([TOKYO[0] + north * degrees_north, TOKYO[1] + east * degrees_east], axis=1)
    colour = np.where((np.floor(east) + np.floor(north)) % 2 == 0, 1.0, -1.0)
    right = {}
    for variant in ("fine", "paper"):
        features = fourier(variant, coordinates)
        known, asked = features[:900], features[900:]
        # Ridge regression by its dual, which has one unknown for each known place.
        answer = asked @ (known.T @ np.linalg.solve(known @ known.T + np.eye(900), colour[:900]))
        right[variant] = float((np.sign(answer) == colour[900:]).mean())
    assert right["fine"] > 0.8
    assert right["paper"] < 0.65


def published(seed: int = 3) -> dict[str, torch.Tensor]:
    """A state dict with the names and shapes of the geoclip package's."""
    draw = torch.Generator().manual_seed(seed)
    shapes = {"capsule.0.b": (256, 2), "capsule.1.weight": (1024, 512), "capsule.1.bias": (1024,)}
    for layer in (3, 5):
        shapes |= {f"capsule.{layer}.weight": (1024, 1024), f"capsule.{layer}.bias": (1024,)}
    shapes |= {"head.0.weight": (512, 1024), "head.0.bias": (512,)}
    return {
        f"LocEnc{capsule}.{name}": 0.03 * torch.randn(*shape, generator=draw)
        for capsule in range(3)
        for name, shape in shapes.items()
    }


def test_published_weights_give_what_their_formula_gives(tmp_path: Path) -> None:
    state = published()
    torch.save(state, tmp_path / "location_encoder_weights.pth")
    coordinates = torch.from_numpy(places(20))
    found = load_geoclip(tmp_path / "location_encoder_weights.pth").eval()(coordinates)

    x, y = Proj("+proj=eqearth +R=1")(coordinates[:, 1].numpy(), coordinates[:, 0].numpy())
    positions = torch.from_numpy(GEOCLIP_SCALE * np.stack([x, y], axis=1))
    total = torch.zeros(len(coordinates), 512, dtype=torch.float64)
    for capsule in range(3):
        part = {
            n.removeprefix(f"LocEnc{capsule}."): t.double() for n, t in state.items() if f"c{capsule}." in n
        }
        turns = 2 * math.pi * positions @ part["capsule.0.b"].T
        hidden = torch.cat([turns.cos(), turns.sin()], dim=1)
        for layer in (1, 3, 5):
            hidden = (hidden @ part[f"capsule.{layer}.weight"].T + part[f"capsule.{layer}.bias"]).relu()
        total += hidden @ part["head.0.weight"].T + part["head.0.bias"]
    np.testing.assert_allclose(found.detach().numpy(), functional.normalize(total, dim=1), atol=1e-5)

    settings = LocationSettings(variant="geoclip", weights=str(tmp_path / "location_encoder_weights.pth"))
    configured = create_location_encoder(settings, 512)
    assert torch.equal(configured.LocEnc2.capsule[0].b, state["LocEnc2.capsule.0.b"])


def test_packaged_weights_are_read_from_the_package_and_its_code_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "geoclip" / "model" / "weights"
    folder.mkdir(parents=True)
    torch.save(state := published(), folder / "location_encoder_weights.pth")
    (tmp_path / "geoclip" / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    encoder = create_location_encoder(LocationSettings(variant="geoclip", weights="packaged"), 512)
    assert torch.equal(encoder.LocEnc2.capsule[0].b, state["LocEnc2.capsule.0.b"])

    monkeypatch.setattr(location_encoder, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install --no-deps geoclip"):
        create_location_encoder(LocationSettings(variant="geoclip", weights="packaged"), 512)


@pytest.mark.skipif(find_spec("geoclip") is None, reason="the package geoclip is not installed")
def test_the_published_weights_give_what_their_package_gives() -> None:
    # By the LocationEncoder of geoclip 1.3.0, at unit length; it takes phases in float32.
    expected = {
        TOKYO: (-0.01012, 0.03368, -0.00186, 0.02380),
        (34.9858, 135.7588): (0.04379, -0.03549, -0.10756, 0.00309),
        (-33.8568, 151.2153): (-0.07341, 0.02615, 0.03167, -0.03961),
        (64.1466, -21.9426): (0.05923, 0.09170, 0.01876, 0.06777),
    }
    encoder = create_location_encoder(LocationSettings(variant="geoclip", weights="packaged"), 512).eval()
    found = encoder(torch.tensor(list(expected), dtype=torch.float64)).detach()
    np.testing.assert_allclose(found[:, :4].numpy(), list(expected.values()), atol=2e-4)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code of the file was run",))


def test_weights_that_are_not_geoclips_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(ConfigError, match="no weights at"):
        load_geoclip(path)
    state = published()
    torch.save(state | {"LocEnc1.head.0.weight": torch.zeros(512, 512)}, path)
    with pytest.raises(ConfigError, match=r"LocEnc1.head.0.weight \(512, 512\), not \(512, 1024\)"):
        load_geoclip(path)
    torch.save({name: tensor for name, tensor in state.items() if "LocEnc2" not in name}, path)
    with pytest.raises(ConfigError, match=r"LocEnc2.capsule.0.b is missing"):
        load_geoclip(path)
    torch.save({**state, "LocEnc3.head.0.bias": torch.zeros(512)}, path)
    with pytest.raises(ConfigError, match="not expected"):
        load_geoclip(path)
    torch.save([1, 2], path)
    with pytest.raises(ConfigError, match="a list in place"):
        load_geoclip(path)
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(ConfigError, match="no state dict of tensors"):
        load_geoclip(path)
    assert "was run" not in capsys.readouterr().out


def test_published_weights_are_only_for_their_own_form() -> None:
    with pytest.raises(ValidationError, match="fit only the variant geoclip"):
        LocationSettings(variant="paper", weights="location_encoder_weights.pth")
    with pytest.raises(ValidationError, match="fit only the variant geoclip"):
        LocationSettings(variant="geoclip", width=64, weights="location_encoder_weights.pth")


@pytest.mark.parametrize(("variant", "n_capsules", "n_linear"), [("paper", 5, 6), ("geoclip", 3, 4)])
def test_variants_have_the_depth_of_their_source(variant: str, n_capsules: int, n_linear: int) -> None:
    encoder = LocationEncoder(LocationSettings(variant=variant), 512)
    capsules = list(encoder.children())
    assert len(capsules) == n_capsules
    layers = [m for m in capsules[0].modules() if isinstance(m, nn.Linear)]
    assert [layer.out_features for layer in layers] == [1024] * (n_linear - 1) + [512]


def test_places_far_apart_start_with_vectors_of_their_own() -> None:
    torch.manual_seed(0)
    grid = np.array([(lat, lon) for lat in range(25, 46, 5) for lon in range(125, 151, 5)], dtype=float)
    for variant in ("fine", "paper", "geoclip"):
        encoder = LocationEncoder(LocationSettings(variant=variant, width=64), 64)
        with torch.inference_mode():
            vectors = encoder(torch.from_numpy(grid)).numpy()
        cosines = vectors @ vectors.T
        assert (cosines.sum() - len(grid)) / (len(grid) * (len(grid) - 1)) < 0.9


def test_autocast_does_not_touch_the_phases() -> None:
    encoder = LocationEncoder(LocationSettings(width=16), 8)
    coordinates = torch.tensor([TOKYO, north_of(TOKYO, 0.5)], dtype=torch.float64)
    exact = encoder.LocEnc6.capsule[0](equal_earth(coordinates))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        positions = equal_earth(coordinates)
        mixed = encoder.LocEnc6.capsule[0](positions)
        vectors = encoder(coordinates)
    assert torch.equal(exact, mixed)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
