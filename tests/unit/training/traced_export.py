"""Embedders' graphs by tracing, for tests that look at something else.

The served exporter takes seconds for any network, tracing a tenth of one. What a served graph holds is tested
with the bundles.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from zuroku.models.embedding import bundle

SERVED_EXPORT = bundle._export


def trace(size_px: int, model: nn.Module, path: Path) -> None:
    """Write the graph of ``model`` as the served exporter does, its batch size free."""
    example = torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8)
    names = {"input_names": ["pixels"], "output_names": ["vectors"]}
    torch.onnx.export(model, (example,), str(path), dynamic_axes={"pixels": {0: "n"}}, dynamo=False, **names)


@contextmanager
def traced_export() -> Iterator[None]:
    """Export by ``trace`` for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_export", trace)
        yield
