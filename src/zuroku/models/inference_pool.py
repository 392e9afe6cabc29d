"""OpenVINO inference from many threads."""

from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import openvino

Precision = Literal["f32", "bf16"]


class InferencePool:
    """A model compiled for throughput, with as many infer requests as threads will use it.

    The requests are all made, and one inference is run, before any thread comes: OpenVINO's bindings set
    themselves up at their first use under a lock of their own and give up Python's meanwhile, so two
    threads that come first together can wait for each other for ever.
    """

    def __init__(
        self, model: Path | openvino.Model, shape: list[int], threads: int, precision: Precision = "f32"
    ) -> None:
        core = openvino.Core()
        graph = core.read_model(model) if isinstance(model, Path) else model
        graph.reshape(shape)
        compiled = core.compile_model(
            graph, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        )
        self._free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(threads):
            self._free.put(compiled.create_infer_request())
        self.run(np.zeros(shape, dtype=graph.input(0).element_type.to_dtype()))

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return a copy of the model's first output for ``batch``; waits for a free request."""
        request = self._free.get()
        try:
            return np.array(request.infer({0: batch})[0], dtype=np.float32)
        finally:
            self._free.put(request)
