"""Kinds of books: which classes of figures they hold, and how many of each a collection gets.

No pixels here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BookKind:
    """A kind of book: ``mix`` gives the relative frequency of its one to three classes."""

    name: str
    subject: str
    mix: Mapping[str, float]


KINDS: tuple[BookKind, ...] = (
    BookKind("gazetteer", "geography", {"graphic_map": 2, "picture_landmark": 3, "picture_outdoor": 3}),
    BookKind("atlas", "geography", {"graphic_map": 1}),
    BookKind("statistics", "science", {"graphic_graph": 4, "graphic_map": 1}),
    BookKind("yearbook", "science", {"graphic_graph": 1}),
    BookKind("colour plates", "science", {"graphic_illustcolor": 1}),
    BookKind("natural history", "science", {"graphic_illustcolor": 1, "graphic_illust": 3}),
    BookKind("textbook", "science", {"graphic_illust": 4, "graphic_graph": 1, "picture_object": 1}),
    BookKind("novel", "literature", {"graphic_illust": 5, "stamp": 1}),
    BookKind("picture book", "literature", {"graphic_illust": 1}),
    BookKind("travel photographs", "geography", {"picture_landmark": 1, "picture_outdoor": 1}),
    BookKind("landmarks", "geography", {"picture_landmark": 1}),
    BookKind("views", "geography", {"picture_outdoor": 1}),
    BookKind("school memorial", "memorial", {"picture_indoor": 2, "picture_outdoor": 1, "stamp": 0.5}),
    BookKind("exhibition", "memorial", {"picture_indoor": 2, "picture_object": 1, "picture_landmark": 1}),
    BookKind("interiors", "memorial", {"picture_indoor": 1}),
    BookKind("museum catalogue", "science", {"picture_object": 4, "stamp": 1}),
    BookKind("antiquities", "science", {"picture_object": 1}),
    BookKind("old library", "literature", {"stamp": 1}),
    BookKind("rare book", "literature", {"stamp": 2, "graphic_illust": 1}),
    BookKind("biography", "memorial", {"picture_person": 3, "graphic_illust": 1}),
    BookKind("portraits", "memorial", {"picture_person": 1}),
)
"""Every class is the only one of some kind, so that any quota can be filled."""


def class_quota(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Split ``total`` figures over classes in proportion to ``weights``, by largest remainders."""
    names = sorted(name for name, weight in weights.items() if weight > 0)
    whole = sum(weights[name] for name in names)
    exact = {name: total * weights[name] / whole for name in names}
    quota = {name: int(exact[name]) for name in names}
    by_remainder = sorted(names, key=lambda name: (quota[name] - exact[name], name))
    for name in by_remainder[: total - sum(quota.values())]:
        quota[name] += 1
    return quota


def assign_classes(
    rng: np.random.Generator, sizes: Sequence[int], weights: Mapping[str, float]
) -> list[tuple[BookKind, list[str]]]:
    """Choose a kind for each book of ``sizes`` figures, and the class of each of its figures.

    The classes of the whole collection come out in proportion to ``weights`` as long as the kinds
    allow; a book may get fewer figures than asked where its classes run out.
    """
    left = class_quota(sum(sizes), weights)
    start = dict(left)
    books = []
    for size in sizes:
        kind = _choose_kind(rng, left, start, size)
        labels = []
        for _ in range(size):
            names = [name for name in kind.mix if left.get(name, 0) > 0]
            if not names:
                break
            odds = np.array([kind.mix[name] * left[name] / start[name] for name in names])
            name = names[int(rng.choice(len(names), p=odds / odds.sum()))]
            left[name] -= 1
            labels.append(name)
        books.append((kind, labels))
    return [books[i] for i in rng.permutation(len(books))]


def _choose_kind(
    rng: np.random.Generator, left: Mapping[str, int], start: Mapping[str, int], size: int
) -> BookKind:
    """Prefer kinds whose classes are still most wanted, and those that can fill the book."""
    odds = np.zeros(len(KINDS))
    for i, kind in enumerate(KINDS):
        if not all(name in start for name in kind.mix):
            continue
        share = sum(kind.mix.values())
        wanted = sum(kind.mix[name] * left[name] / start[name] for name in kind.mix) / share
        fills = min(1.0, sum(left[name] for name in kind.mix) / size)
        odds[i] = wanted**2 * fills**2
    if not odds.any():
        singles = [kind for kind in KINDS if len(kind.mix) == 1 and next(iter(kind.mix)) in start]
        return max(singles, key=lambda kind: left[next(iter(kind.mix))])
    return KINDS[int(rng.choice(len(KINDS), p=odds / odds.sum()))]
