"""One network, many threads: every caller gets its own answer, and keeps it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from zuroku.models.inference_pool import InferencePool, Precision

SHAPE = [1, 4, 3]


def summing_network() -> openvino.Model:
    """Return a network that sums bytes over the last axis, for any input of three axes."""
    pixels = ops.parameter([-1, -1, -1], np.uint8, name="pixels")
    numbers = ops.convert(pixels, "f32")
    return openvino.Model([ops.reduce_sum(numbers, np.array([2]))], [pixels], "summing")


def batches(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(4).integers(0, 255, (count, *SHAPE), dtype=np.uint8))


def test_each_of_many_threads_gets_its_own_answer() -> None:
    pool = InferencePool(summing_network(), SHAPE, threads=3)
    with ThreadPoolExecutor(8) as executor:
        answers = list(executor.map(pool.run, batches(200)))
    for batch, answer in zip(batches(200), answers, strict=True):
        np.testing.assert_array_equal(answer, batch.sum(axis=2))


def test_an_answer_outlives_the_next_run() -> None:
    pool = InferencePool(summing_network(), SHAPE, threads=1)
    first, second = batches(2)
    answer = pool.run(first)
    pool.run(second)
    np.testing.assert_array_equal(answer, first.sum(axis=2))


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_answers_are_float32_in_any_precision(precision: Precision) -> None:
    answer = InferencePool(summing_network(), SHAPE, 1, precision).run(batches(1)[0])
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, batches(1)[0].sum(axis=2), rtol=2**-7)


def test_a_request_comes_back_when_a_run_fails() -> None:
    pool = InferencePool(summing_network(), SHAPE, threads=1)
    with pytest.raises(RuntimeError, match="shape"):
        pool.run(np.zeros((1, 4, 5), dtype=np.uint8))
    np.testing.assert_array_equal(pool.run(batches(1)[0]), batches(1)[0].sum(axis=2))
