"""The geolocator that made an index, among the last released versions: no other can be asked about it."""

from pathlib import Path

from zuroku.errors import BundleError
from zuroku.models.geolocation.predictor import GeolocatorPredictor


def matching_geolocator(folder: Path, sha256: str) -> GeolocatorPredictor:
    """Return the geolocator sealed as ``sha256``: the bundle in ``folder``, or a version kept beside it.

    A model is released before its index is built and switched, and an index can be taken back alone: until
    both agree, the index in use belongs to a version of before.

    Raises:
        BundleError: there is no bundle in ``folder``, or the one sought is not kept any more.
        ConfigError: it is a bundle of another kind of model.
        IntegrityError: it is not what was sealed.
    """
    predictor = GeolocatorPredictor(folder)
    return predictor if predictor.sha256 == sha256 else kept_geolocator(folder.resolve().parent, sha256)


def kept_geolocator(versions: Path, sha256: str) -> GeolocatorPredictor:
    """Return the geolocator sealed as ``sha256`` from the folder of released ``versions``.

    Raises:
        BundleError: it is not kept any more.
        IntegrityError: it is not what was sealed.
    """
    folder = versions / sha256[:16]
    predictor = GeolocatorPredictor(folder) if folder.is_dir() else None
    if predictor is None or predictor.sha256 != sha256:
        raise BundleError(
            f"the geolocator {sha256[:16]} that made the index is not kept any more",
            expected=f"its bundle in {versions}",
            remedy=f"copy the model of that seal from the registry to {folder}, or build the index again",
        )
    return predictor
