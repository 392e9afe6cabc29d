"""The stage that real models make: bundles on disk, opened in whatever process needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zuroku.artifacts import SEAL, file_sha256
from zuroku.corpus.stage import PageStage, StageSettings
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.layout.page_detector import PageDetector
from zuroku.models.tagger_predictor import TaggerPredictor


@dataclass(frozen=True)
class StageBundles:
    """The folders of a layout detector, a figure tagger and the embedder of each space.

    Without ``embedders`` figures are only cut out and tagged.
    """

    detector: Path
    tagger: Path
    embedders: Mapping[str, Path]
    settings: StageSettings

    def open(self) -> PageStage:
        """Verify the bundles and return their stage.

        Raises:
            BundleError: a bundle is missing, or the detector lacks a class.
            ConfigError: the embedders are not those that the routes name.
            IntegrityError: a bundle is not what was sealed.
        """
        detector = PageDetector(self.detector, self.settings.detector_precision)
        tagger = TaggerPredictor(self.tagger)
        embedders = {space: EmbedderPredictor(folder) for space, folder in self.embedders.items()}
        versions = {"detector": detector.sha256, "tagger": file_sha256(self.tagger / SEAL)}
        versions |= {f"embedder {space}": embedder.sha256 for space, embedder in embedders.items()}
        return PageStage(detector, tagger, embedders, self.settings, versions)
