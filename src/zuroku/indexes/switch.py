"""Switching a published index: the frozen queries are replayed first, and what they say can stop it.

The queries and their comparison are ``canary``'s; moving the link is ``publishing``'s.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from zuroku.artifacts import Artifact
from zuroku.config import S, Settings
from zuroku.errors import BundleError, ConfigError, IntegrityError, ZurokuError
from zuroku.findings import Finding
from zuroku.indexes.canary import (
    Answer,
    CanaryQuery,
    CanarySettings,
    Replay,
    read_canary,
    replay,
    write_canary,
)
from zuroku.publishing import publish, published, require_publishable

CANARY_CHECK = "canary_keeps_its_answers"

_NAMED = 3
_DEPTH = 5
"""So many times as many answers are asked for as are compared, to have enough without what is new or gone."""


class OpenIndex(Protocol):
    """An index that can be asked, with today's data beside it."""

    def answers(self, queries: Sequence[CanaryQuery], k: int) -> list[list[Answer]]:
        """Return up to ``k`` answers to each query, best first, its picture embedded by the index's encoder.

        Raises:
            BundleError: that encoder is not at hand.
            ConfigError: its card is of another version of zuroku.
            IntegrityError: it is not what was sealed.
        """
        ...

    def holds(self, sources: Collection[str]) -> set[str]:
        """Return those pages or photographs ``sources`` of which the index has a picture."""
        ...

    def draw(self, settings: CanarySettings) -> list[CanaryQuery]:
        """Draw queries among the pictures of the index, without those that today's data do not hold."""
        ...


class IndexKind(Protocol):
    """What is indexed: how its indexes are opened, and the data that they are made of today."""

    def open(self, folder: Path) -> OpenIndex:
        """Open the bundle in ``folder``.

        Raises:
            BundleError: it is of a format that this version does not read.
        """
        ...

    def sources(self, wanted: Collection[str]) -> Mapping[str, str]:
        """Return the SHA-256 of those ``wanted`` pages or photographs that the data hold today."""
        ...


@dataclass(frozen=True)
class CanaryVerdict:
    """What the canary says: ``replays`` come worst first, none where there was nothing to compare.

    ``draws`` tells that after the switch a set is to be drawn: there is none yet, or most of it has retired.
    """

    finding: Finding
    draws: bool
    replays: Sequence[Replay] = field(default_factory=list)


def recipe(settings: Settings, kind: type[S]) -> S:
    """Return ``settings`` without their field ``canary``: what an index is made by, and named by."""
    return kind.model_validate(settings.model_dump(exclude={"canary"}))


def switch_index(
    made: Artifact,
    champion: Path,
    kind: IndexKind,
    settings: CanarySettings,
    findings: Iterable[Finding],
    by: str,
) -> CanaryVerdict:
    """Publish the index ``made`` at ``champion`` if its own ``findings`` and the canary allow it.

    It is published for the profile ``by``.

    After the switch a set of queries is drawn from it where there is none, or where most of it has retired.
    A kill in between leaves no set, or the old one; the next run draws it from the index then in use.

    Raises:
        BundleError: ``made`` was taken back, and is held.
        ConfigError: another profile published the index in use.
        IntegrityError: the set, or an index, is not what was sealed.
    """
    require_publishable(made.sha256, champion, by)
    verdict = judge_switch(made, champion, kind, settings)
    if verdict.finding.passed and all(finding.passed for finding in findings):
        publish(made, champion, by)
        if verdict.draws:
            queries = kind.open(made.path).draw(settings)
            write_canary(queries, made.sha256, settings, canary_folder(champion))
    return verdict


def canary_folder(champion: Path) -> Path:
    """Return where the set is kept: beside the versions, so that neither a switch nor a rollback moves it."""
    return champion.parent / "canary"


def judge_switch(made: Artifact, champion: Path, kind: IndexKind, settings: CanarySettings) -> CanaryVerdict:
    """Replay the frozen queries against the index in use and ``made``.

    A query retires when its page or photograph has left the data or has other bytes: then the data were
    changed, and where all of them were there is nothing to compare. A picture that the new index does not
    hold, though the data do, is lost. Answers are compared among what both could find: without those of the
    index in use that have left the data, and without those of ``made`` whose page or photograph the index in
    use did not hold. So a collection that grows or shrinks causes no churn by that.
    """
    folder = canary_folder(champion)
    queries = read_canary(folder)
    in_use = published(champion)
    kept = _still_true(queries, kind)
    if in_use is None:
        says = "no index is in use yet, so there is nothing to compare with"
        return _passed(says, _most_retired(kept, queries))
    if in_use.sha256 == made.sha256:
        says = "the index in use is this very one: there is nothing to replay"
        return _passed(says, _most_retired(kept, queries))
    try:
        old = kind.open(in_use.path)
    except BundleError as error:
        says = f"the index in use cannot be opened, so there is nothing to compare with: {error.found}"
        return _passed(says, _most_retired(kept, queries))
    if not queries and (queries := old.draw(settings)):
        write_canary(queries, in_use.sha256, settings, folder)
        kept = queries
    retired = len(queries) - len(kept)
    if not kept:
        says = (
            f"no query is left to replay: all {retired} have retired, because their pages or photographs "
            "left the data or changed; a new set is drawn once the index is in use"
            if retired
            else "the data hold none of the pictures of the index in use, so there is nothing to compare with"
        )
        return _passed(says, True, retired)
    try:
        before = old.answers(kept, _DEPTH * settings.k)
    except (BundleError, ConfigError, IntegrityError) as error:
        return _blocked_unasked(error, len(kept), retired, settings)
    after = kind.open(made.path).answers(kept, _DEPTH * settings.k)
    before = _among(before, set(kind.sources(_sources(before))), settings.k)
    after = _among(after, old.holds(_sources(after)), settings.k)
    replays = [replay(*asked) for asked in zip(kept, before, after, strict=True)]
    return judge(replays, retired, settings)


def judge(replays: Sequence[Replay], retired: int, settings: CanarySettings) -> CanaryVerdict:
    """Return the verdict on at least one replay; ``retired`` queries were left out.

    Churn is the mean over the queries. The share of lost answers is of all queries replayed, those included
    whose answer the index in use did not find either.
    """
    n = len(replays)
    churn = sum(one.churn for one in replays) / n
    lost = sum(one.lost for one in replays)
    missed = sum(one.rank_before is None for one in replays)
    worst = sorted(replays, key=lambda one: (not one.lost, -one.churn, one.query.answer.source))
    wider = {}
    # A hair's breadth, because a mean of equal thirds is not quite a third.
    if churn > settings.max_churn + 1e-9:
        wider["max_churn"] = churn
    if lost / n > settings.max_lost + 1e-9:
        wider["max_lost"] = lost / n
    says = (
        f"{n} queries replayed, {retired} retired; of the first {settings.k} answers {churn:.1%} changed (up "
        f"to {settings.max_churn:.0%} may), {lost} queries lost their known answer ({lost / n:.1%}, up to "
        f"{settings.max_lost:.0%} may), {missed} did not have it before"
    )
    if wider:
        says += _advice(worst, wider)
    numbers = {"queries": n, "retired": retired, "churn": churn, "lost": lost, "missed_before": missed}
    finding = Finding(CANARY_CHECK, not wider, says, numbers)
    return CanaryVerdict(finding, 2 * retired > n + retired, worst)


def worst_table(replays: Sequence[Replay], shown: int = 12) -> str:
    """Return the first ``shown`` replays as a Markdown table."""
    rows = [
        f"| {one.query.answer.source} | {one.query.stratum} | {one.rank_before or '–'} | "
        f"{one.rank_after or '–'} | {one.churn:.0%} |"
        for one in replays[:shown]
    ]
    head = "| known answer | drawn for | its rank in the index in use | in the new one | answers changed |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def _still_true(queries: Sequence[CanaryQuery], kind: IndexKind) -> list[CanaryQuery]:
    """Return the queries whose page or photograph the data hold with the same bytes."""
    known = kind.sources({query.answer.source for query in queries})
    return [query for query in queries if known.get(query.answer.source) == query.sha256]


def _sources(answers: Sequence[Sequence[Answer]]) -> set[str]:
    return {answer.region.source for found in answers for answer in found}


def _among(answers: Sequence[Sequence[Answer]], sources: Collection[str], k: int) -> list[list[Answer]]:
    """Return the first ``k`` answers to each query that are of ``sources``."""
    return [[answer for answer in found if answer.region.source in sources][:k] for found in answers]


def _most_retired(kept: Sequence[CanaryQuery], queries: Sequence[CanaryQuery]) -> bool:
    """Say whether another set is due: there is none, or more than half of it has retired."""
    return 2 * len(kept) < len(queries) or not queries


def _passed(says: str, draws: bool, retired: int = 0) -> CanaryVerdict:
    return CanaryVerdict(Finding(CANARY_CHECK, True, says, {"queries": 0, "retired": retired}), draws)


def _blocked_unasked(error: ZurokuError, asked: int, retired: int, settings: CanarySettings) -> CanaryVerdict:
    """Return the verdict where the index in use cannot be asked: only bounds that allow all let it pass."""
    passed = settings.max_churn == settings.max_lost == 1
    says = f"the index in use cannot be asked: {error.found}."
    if not passed:
        says += f" It stays: {error.remedy}, or launch this asset with canary: {{max_churn: 1, max_lost: 1}}"
    numbers = {"queries": 0, "retired": retired}
    return CanaryVerdict(Finding(CANARY_CHECK, passed, says, numbers), 2 * retired > asked + retired)


def _advice(worst: Sequence[Replay], wider: Mapping[str, float]) -> str:
    named = ", ".join(one.query.answer.source for one in worst[:_NAMED])
    bounds = ", ".join(f"{name}: {math.ceil(100 * value) / 100:g}" for name, value in wider.items())
    return (
        f". The index in use stays. Worst: {named}. Look at the picture and the table; if the change is "
        f"meant, launch this asset again with wider bounds in the launchpad (canary: {{{bounds}}})"
    )
