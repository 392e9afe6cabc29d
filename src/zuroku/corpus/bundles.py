"""The stage that real models make: three bundles on disk, opened in whatever process needs them."""

from dataclasses import dataclass
from pathlib import Path

from zuroku.artifacts import SEAL, file_sha256
from zuroku.corpus.stage import PageStage, StageSettings
from zuroku.models.embedder_predictor import EmbedderPredictor
from zuroku.models.layout.page_detector import PageDetector
from zuroku.models.tagger_predictor import TaggerPredictor


@dataclass(frozen=True)
class StageBundles:
    """The folders of a layout detector, a figure tagger and, unless figures are only cut out, an embedder."""

    detector: Path
    tagger: Path
    embedder: Path | None
    settings: StageSettings

    def open(self) -> PageStage:
        """Verify the bundles and return their stage.

        Raises:
            BundleError: a bundle is missing, or the detector lacks a class.
            IntegrityError: a bundle is not what was sealed.
        """
        detector = PageDetector(self.detector)
        tagger = TaggerPredictor(self.tagger)
        embedder = None if self.embedder is None else EmbedderPredictor(self.embedder)
        versions = {"detector": detector.sha256, "tagger": file_sha256(self.tagger / SEAL)}
        if embedder is not None:
            versions["embedder"] = embedder.sha256
        return PageStage(detector, tagger, embedder, self.settings, versions)
