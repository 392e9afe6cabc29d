"""The location encoder of GeoCLIP: coordinates in, unit vectors in the space of the images out.

Vivanco Cepeda et al. 2023 (GeoCLIP), sections 3.1 and 3.2: Equal Earth projection → random Fourier features
at several scales → one capsule (an MLP) for each → the sum. Which scales and how deep is in ``settings``;
how it is trained belongs to ``training``.
"""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from zuroku.errors import ConfigError
from zuroku.models.geolocation.settings import FREQUENCIES, GEOCLIP_DIMENSION, MAP_SCALE, LocationSettings

GEOCLIP_FILE = "location_encoder_weights.pth"
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796


def equal_earth(coordinates: Tensor) -> Tensor:
    """Return the Equal Earth map position ``(n, 2)`` x, y in [-1, 1] of ``(n, 2)`` degrees, latitude first.

    Šavrič, Patterson and Jenny 2018, equation 3, on the sphere, times GeoCLIP's 66.50336 / 180. The two
    sides of the antimeridian lie at opposite ends of the map.
    """
    latitude, longitude = torch.deg2rad(coordinates).unbind(-1)
    theta = torch.asin(math.sqrt(3) / 2 * torch.sin(latitude))
    slope = 9 * _A4 * theta**8 + 7 * _A3 * theta**6 + 3 * _A2 * theta**2 + _A1
    x = 2 * math.sqrt(3) * longitude * torch.cos(theta) / (3 * slope)
    y = _A4 * theta**9 + _A3 * theta**7 + _A2 * theta**3 + _A1 * theta
    return MAP_SCALE * torch.stack((x, y), dim=-1)


class FourierFeatures(nn.Module):
    """``(n, 2)`` map positions → ``(n, 512)`` float32: cosines of 2 π B x, then sines.

    B, ``(256, 2)`` from N(0, σ²), is drawn from the generator and never trained. The phase is taken in
    float64 and outside autocast: at σ = 4096 it reaches 10⁴ turns, of which bf16 keeps none and float32 a
    thousandth.
    """

    b: Tensor

    def __init__(self, sigma: float, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("b", sigma * torch.randn(FREQUENCIES, 2, generator=generator))

    def forward(self, positions: Tensor) -> Tensor:
        """Return the features of ``positions``."""
        with torch.autocast(positions.device.type, enabled=False):
            turns = positions.double() @ self.b.double().T
            phase = (2 * math.pi * (turns - turns.round())).float()
            return torch.cat((torch.cos(phase), torch.sin(phase)), dim=-1)


class LocationCapsule(nn.Module):
    """Fourier features of one scale and the MLP above them; its parts have the names of GeoCLIP's package."""

    def __init__(
        self, sigma: float, width: int, hidden_layers: int, dimension: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [FourierFeatures(sigma, generator)]
        for index in range(hidden_layers):
            layers += [_linear(width if index else 2 * FREQUENCIES, width), nn.ReLU()]
        self.capsule = nn.Sequential(*layers)
        self.head = nn.Sequential(_linear(width, dimension))

    def forward(self, positions: Tensor) -> Tensor:
        """Return ``(n, dimension)`` of map positions ``(n, 2)``."""
        vectors: Tensor = self.head(self.capsule(positions))
        return vectors


class LocationEncoder(nn.Module):
    """``(n, 2)`` degrees, latitude first → ``(n, dimension)`` float32 unit vectors.

    Give coordinates in float64: float32 rounds a longitude in Japan to 1.5 m.
    """

    def __init__(self, settings: LocationSettings, dimension: int) -> None:
        super().__init__()
        self.sigmas = settings.sigmas
        generator = torch.Generator().manual_seed(settings.seed)
        for index, sigma in enumerate(self.sigmas):
            capsule = LocationCapsule(sigma, settings.width, settings.hidden_layers, dimension, generator)
            self.add_module(f"LocEnc{index}", capsule)

    def forward(self, coordinates: Tensor) -> Tensor:
        """Return the unit vectors of ``coordinates``."""
        positions = equal_earth(coordinates)
        # Autocast gives bf16 parts; their sum and its length are taken in float32.
        parts = [capsule(positions).float() for capsule in self.children()]
        return functional.normalize(torch.stack(parts).sum(dim=0), dim=-1)


def create_location_encoder(settings: LocationSettings, dimension: int) -> LocationEncoder:
    """Return the encoder of ``settings``: drawn at random, or with GeoCLIP's published weights.

    Raises:
        ConfigError: there are no such weights, or they do not fit.
    """
    path = location_weights(settings)
    return LocationEncoder(settings, dimension) if path is None else load_geoclip(path)


def location_weights(settings: LocationSettings) -> Path | None:
    """Return the file that the encoder of ``settings`` starts from, or None where it is drawn at random.

    Raises:
        ConfigError: ``weights: packaged`` without GeoCLIP's package.
    """
    if settings.weights == "random":
        return None
    if settings.weights != "packaged":
        return Path(settings.weights)
    # Found, not imported: the package's code, and the transformers library it needs, take no part here.
    package = find_spec("geoclip")
    if package is None or package.origin is None:
        raise ConfigError(
            "weights: packaged, but GeoCLIP's package is not installed",
            expected="the package geoclip 1.3.0, which carries the weights",
            remedy="run: pip install --no-deps geoclip==1.3.0, or name the file of weights by its path",
        )
    return Path(package.origin).parent / "model" / "weights" / GEOCLIP_FILE


def load_geoclip(path: Path) -> LocationEncoder:
    """Return GeoCLIP's trained encoder from its package's ``location_encoder_weights.pth``.

    Its frequencies B come with the file. No pickled code is run: the file may hold tensors only. A bundle
    keeps them as safetensors.

    Raises:
        ConfigError: there is no such file, it holds something else, or its tensors have other names or
        shapes.
    """
    encoder = LocationEncoder(LocationSettings(variant="geoclip"), GEOCLIP_DIMENSION)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise _not_geoclip(f"no weights at {path}") from error
    except Exception as error:
        # Cut short, no archive, or a pickle of more than tensors: torch raises something else for each.
        raise _not_geoclip(f"{path} is no state dict of tensors ({type(error).__name__})") from error
    if faults := _faults(encoder.state_dict(), state):
        raise _not_geoclip(f"the tensors of {path} do not fit: {', '.join(faults[:5])}")
    encoder.load_state_dict(state)
    return encoder


def _linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    """Return a layer that starts from He et al. 2015: by PyTorch's own start all places are nearly alike."""
    layer = nn.Linear(n_inputs, n_outputs)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return layer


def _faults(own: dict[str, Tensor], state: object) -> Sequence[str]:
    if not isinstance(state, dict):
        return [f"a {type(state).__name__} in place of a mapping"]
    found = {str(name): tuple(getattr(tensor, "shape", ())) for name, tensor in state.items()}
    expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
    missing = [f"{name} is missing" for name in expected if name not in found]
    other = [
        f"{name} {shape}, not {expected.get(name, 'expected')}"
        for name, shape in found.items()
        if shape != expected.get(name)
    ]
    return missing + other


def _not_geoclip(found: str) -> ConfigError:
    return ConfigError(
        found,
        expected=f"{GEOCLIP_FILE} of the geoclip package: three capsules of four linear layers",
        remedy="take the file from the package unchanged, or configure weights: random",
    )
