"""The scratch folder of a training: what a kill leaves there is gone on from, if it began alike.

What lies in it (checkpoints, pixels, features) belongs to the trainings.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from zuroku.artifacts import write_atomically


def scratch_folder(folder: Path, began: Mapping[str, str]) -> Path:
    """Return the scratch folder of the bundle made in ``folder``, empty if it began from other weights.

    ``began`` is the content that the training starts from, such as ``WeightsOrigin.data``: settings name
    weights by a path, where others may lie when a killed training is run again.
    """
    # Beside the folder, not in it: nothing of it is part of the bundle.
    scratch = folder.with_name(f"{folder.name}.scratch")
    mark, start = scratch / "start.json", json.dumps(dict(began), sort_keys=True).encode()
    if not (mark.is_file() and mark.read_bytes() == start):
        # First, so that what a kill leaves of the rest has no mark.
        mark.unlink(missing_ok=True)
        if scratch.exists():
            shutil.rmtree(scratch)
        scratch.mkdir()
        write_atomically(mark, start)
    return scratch
