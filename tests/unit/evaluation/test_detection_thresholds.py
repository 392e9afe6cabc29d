"""Thresholds of detections, against trying every cut."""

import numpy as np
import pytest

from zuroku.evaluation.detection import PageMatches
from zuroku.evaluation.detection_thresholds import best_threshold


def page(scores: list[float], hits: list[bool], truths: int) -> PageMatches:
    return PageMatches((0.5,), np.array(scores), np.array([hits]), truths)


def slow_best(pages: list[PageMatches]) -> float:
    """Return the largest F1 over all cuts, counted box by box."""
    truths = sum(one.n_truths for one in pages)
    best = 0.0
    for cut in {score for one in pages for score in one.scores.tolist()}:
        told = found = 0
        for one in pages:
            for score, hit in zip(one.scores, one.hits[0], strict=True):
                if score >= cut:
                    told += 1
                    found += bool(hit)
        best = max(best, 2 * found / (told + truths))
    return best


@pytest.mark.parametrize("seed", range(20))
def test_the_cut_gives_the_best_f1_of_all_cuts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pages = []
    for _ in range(6):
        scores = np.sort(rng.integers(1, 9, rng.integers(0, 7)) / 10)[::-1].tolist()
        hits = (rng.random(len(scores)) < 0.6).tolist()
        pages.append(page(scores, hits, sum(hits) + int(rng.integers(0, 3))))
    if not any(any(one.hits[0]) for one in pages):
        pytest.skip("nothing found in this draw")
    threshold, f1 = best_threshold(pages, 0.3)
    assert f1 == pytest.approx(slow_best(pages))
    told = sum(int((one.scores >= threshold).sum()) for one in pages)
    found = sum(int(one.hits[0][one.scores >= threshold].sum()) for one in pages)
    assert 2 * found / (told + sum(one.n_truths for one in pages)) == pytest.approx(f1)


def test_without_truths_or_finds_the_default_stays() -> None:
    for pages in ([page([0.9], [False], 2)], [page([0.9], [False], 0)], [page([], [], 3)]):
        threshold, f1 = best_threshold(pages, 0.3)
        assert threshold == 0.3
        assert np.isnan(f1)
