"""Switching an index: what the canary lets through, what it stops, and when its set is drawn.

Indexes are replaced by lists: a bundle says which sources it answers to the picture of which.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from zuroku.artifacts import Artifact, build
from zuroku.errors import BundleError, ConfigError, IntegrityError, ZurokuError
from zuroku.findings import Finding
from zuroku.indexes import switch
from zuroku.indexes.canary import Answer, CanaryQuery, CanarySettings, Region, read_canary, replay
from zuroku.indexes.switch import CANARY_CHECK, CanaryVerdict, canary_folder, judge, switch_index, worst_table
from zuroku.publishing import published, rollback

SETTINGS = CanarySettings(queries=8, k=4, max_churn=0.5, max_lost=0.25)
SOUND = [Finding("sound", True, "")]
NAMES = [f"p{number}" for number in range(8)]


UNANSWERED: dict[str, ZurokuError] = {
    "gone": BundleError("its encoder is gone", expected="it", remedy="restore it"),
    "other version": ConfigError("its card has a key 'grey'", expected="none", remedy="restore it"),
    "broken": IntegrityError("its seal is broken", expected="a whole one", remedy="restore it"),
}


@dataclass(frozen=True)
class Listed:
    listed: Mapping[str, list[str]]
    data: Mapping[str, str]

    def draw(self, settings: CanarySettings) -> list[CanaryQuery]:
        held = [name for name in self.listed if name in self.data][: settings.queries]
        return [CanaryQuery(Region(name), self.data[name], "tag", name.encode()) for name in held]

    def holds(self, sources: Collection[str]) -> set[str]:
        held = set(self.listed) | {name for rows in self.listed.values() for name in rows}
        return held & set(sources)

    def answers(self, queries: Sequence[CanaryQuery], k: int) -> list[list[Answer]]:
        if "unanswered" in self.listed:
            raise UNANSWERED[self.listed["unanswered"][0]]
        return [
            [Answer(Region(name), 1.0, b"") for name in self.listed.get(query.picture.decode(), [])[:k]]
            for query in queries
        ]


@dataclass
class Kind:
    """The data of today: source → its hash."""

    data: dict[str, str] = field(default_factory=lambda: {name: f"bytes of {name}" for name in NAMES})

    def open(self, folder: Path) -> Listed:
        listed = json.loads((folder / "listed.json").read_text())
        if "old format" in listed:
            raise BundleError("format 0", expected="format 1", remedy="build it again")
        return Listed(listed, self.data)

    def sources(self, wanted: Collection[str]) -> dict[str, str]:
        return {name: sha256 for name, sha256 in self.data.items() if name in wanted}


class Shop:
    """A place to publish, and bundles to be published there."""

    def __init__(self, root: Path) -> None:
        self.root, self.champion, self.kind = root, root / "models" / "index" / "champion", Kind()

    def bundle(self, name: str, answers: Mapping[str, list[str]]) -> Artifact:
        def make(work: Path) -> None:
            (work / "listed.json").write_text(json.dumps({"name": [name], **answers}))

        return build(self.root / "built" / name, make)

    def sound(self, name: str, width: int = 4) -> Artifact:
        """Each answers with itself, then what follows it, as many as ``width``."""
        twice = NAMES * 2
        return self.bundle(name, {one: twice[place : place + width] for place, one in enumerate(NAMES)})

    def switch(self, made: Artifact, findings: list[Finding] = SOUND, **settings: object) -> CanaryVerdict:
        chosen = CanarySettings(**(SETTINGS.model_dump() | settings))
        return switch_index(made, self.champion, self.kind, chosen, findings, "sample")

    def in_use(self) -> str | None:
        found = published(self.champion)
        return found.sha256 if found else None

    def drawn_from(self) -> str:
        card: str = json.loads((canary_folder(self.champion) / "canary.json").read_text())["drawn_from"]
        return card


def killed(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def blind(shop: Shop, names: Collection[str], name: str = "blind") -> Artifact:
    """An index that answers the pictures of ``names`` with strangers."""
    rows = {one: [f"x{n}" for n in range(4)] if one in names else [*NAMES, *NAMES] for one in NAMES}
    rows |= {one: (NAMES * 2)[NAMES.index(one) :][:4] for one in NAMES if one not in names}
    return shop.bundle(name, rows)


def test_the_first_index_has_nothing_before_it_and_gives_the_set(shop: Shop) -> None:
    made = shop.sound("first")
    verdict = shop.switch(made)
    assert verdict.finding.check == CANARY_CHECK
    assert verdict.finding.passed
    assert "no index is in use yet" in verdict.finding.says
    assert shop.in_use() == made.sha256 == shop.drawn_from()
    assert [query.answer.source for query in read_canary(canary_folder(shop.champion))] == NAMES


def test_the_same_index_again_replays_and_draws_nothing(shop: Shop) -> None:
    made = shop.sound("first")
    shop.switch(made)
    before = (canary_folder(shop.champion) / "SHA256SUMS").stat().st_mtime_ns
    verdict = shop.switch(made)
    assert verdict.finding.passed
    assert not verdict.replays
    assert (canary_folder(shop.champion) / "SHA256SUMS").stat().st_mtime_ns == before


def test_an_index_that_answers_alike_takes_its_place_and_the_set_stays(shop: Shop) -> None:
    first, second = shop.sound("first"), shop.sound("second")
    shop.switch(first)
    verdict = shop.switch(second)
    assert verdict.finding.passed
    assert verdict.finding.numbers == {
        "queries": 8, "retired": 0, "churn": 0.0, "lost": 0, "missed_before": 0
    }  # fmt: skip
    assert shop.in_use() == second.sha256
    assert shop.drawn_from() == first.sha256


def test_a_bad_index_is_stopped_and_a_wider_bound_lets_it_through(shop: Shop) -> None:
    first = shop.sound("first")
    bad = blind(shop, NAMES[:5])
    shop.switch(first)
    verdict = shop.switch(bad)
    assert not verdict.finding.passed
    says = verdict.finding.says
    assert "8 queries replayed" in says
    assert "62.5% changed (up to 50% may)" in says
    assert "5 queries lost their known answer (62.5%, up to 25% may)" in says
    assert "Worst: p0, p1, p2" in says
    assert "canary: {max_churn: 0.63, max_lost: 0.63}" in says
    assert [one.query.answer.source for one in verdict.replays[:5]] == NAMES[:5]
    assert shop.in_use() == first.sha256

    assert not shop.switch(bad, max_churn=0.63).finding.passed
    assert shop.in_use() == first.sha256
    assert shop.switch(bad, max_churn=0.63, max_lost=0.63).finding.passed
    assert shop.in_use() == bad.sha256
    assert shop.drawn_from() == first.sha256


def test_an_index_whose_own_checks_fail_is_not_published_whatever_the_canary_says(shop: Shop) -> None:
    made = shop.sound("first")
    verdict = shop.switch(made, [*SOUND, Finding("sound", False, "")])
    assert verdict.finding.passed
    assert shop.in_use() is None
    assert not canary_folder(shop.champion).exists()


def test_a_query_retires_when_its_source_is_gone_or_changed_and_is_lost_when_only_the_index_lacks_it(
    shop: Shop,
) -> None:
    shop.switch(shop.sound("first"))
    shop.kind.data.pop("p0")
    shop.kind.data["p1"] = "scanned again"
    rebuilt = blind(shop, ["p0", "p1", "p2"])
    verdict = shop.switch(rebuilt)
    assert verdict.finding.numbers["retired"] == 2
    assert verdict.finding.numbers["queries"] == 6
    assert verdict.finding.numbers["lost"] == 1
    assert shop.in_use() == rebuilt.sha256
    assert len(read_canary(canary_folder(shop.champion))) == 8


def test_where_all_have_retired_the_index_is_switched_and_a_new_set_drawn(shop: Shop) -> None:
    shop.switch(shop.sound("first"))
    shop.kind.data = {"q0": "new", "q1": "newer"}
    other = shop.bundle("other", {"q0": ["q0"], "q1": ["q1"]})
    verdict = shop.switch(other)
    assert verdict.finding.passed
    assert "no query is left to replay: all 8 have retired" in verdict.finding.says
    assert shop.in_use() == other.sha256 == shop.drawn_from()


@pytest.mark.parametrize(("gone", "drawn"), [(4, False), (5, True)])
def test_a_new_set_is_drawn_once_more_than_half_have_retired(shop: Shop, gone: int, drawn: bool) -> None:
    first, second = shop.sound("first"), shop.sound("second")
    shop.switch(first)
    for name in NAMES[:gone]:
        del shop.kind.data[name]
    assert shop.switch(second).finding.passed
    assert shop.drawn_from() == (second if drawn else first).sha256
    assert len(read_canary(canary_folder(shop.champion))) == (8 - gone if drawn else 8)


def test_a_stopped_switch_draws_no_new_set(shop: Shop) -> None:
    first = shop.sound("first")
    shop.switch(first)
    for name in NAMES[:5]:
        del shop.kind.data[name]
    assert not shop.switch(blind(shop, NAMES)).finding.passed
    assert shop.drawn_from() == first.sha256


def test_a_kill_before_the_set_is_drawn_is_mended_by_the_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.sound("first")
    with monkeypatch.context() as patch:
        patch.setattr(switch, "write_canary", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.switch(first)
    assert shop.in_use() == first.sha256
    assert not canary_folder(shop.champion).exists()
    shop.switch(first)
    assert shop.drawn_from() == first.sha256


def test_a_kill_before_a_retired_set_is_replaced_is_mended_by_the_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.switch(shop.sound("first"))
    for name in NAMES[:5]:
        del shop.kind.data[name]
    second = shop.sound("second")
    with monkeypatch.context() as patch:
        patch.setattr(switch, "write_canary", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.switch(second)
    assert shop.drawn_from() != second.sha256 == shop.in_use()
    shop.switch(second)
    assert shop.drawn_from() == second.sha256


def test_a_missing_set_is_drawn_from_the_index_in_use_before_another_takes_its_place(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shop.sound("first")
    with monkeypatch.context() as patch:
        patch.setattr(switch, "write_canary", lambda *_: None)
        shop.switch(first)
    assert not shop.switch(blind(shop, NAMES)).finding.passed
    assert shop.in_use() == first.sha256 == shop.drawn_from()


def test_after_a_rollback_the_next_switch_is_judged_against_what_is_in_use(shop: Shop) -> None:
    first, second = shop.sound("first"), shop.sound("second", width=2)
    shop.switch(first)
    shop.switch(second)
    rollback(shop.champion)
    assert shop.in_use() == first.sha256
    moved = shop.bundle("moved", {one: [one, "x", "y", "z"] for one in NAMES})
    # Of the four answers of the first one stays; of the second's two, too.
    assert not shop.switch(moved).finding.passed
    with pytest.raises(BundleError, match="was taken back, and is held"):
        shop.switch(second)
    assert shop.in_use() == first.sha256
    (shop.champion.parent / "held" / second.sha256[:16]).unlink()
    assert shop.switch(second).finding.passed
    assert shop.switch(moved).finding.passed


def test_another_profile_does_not_switch_what_one_published(shop: Shop) -> None:
    first = shop.sound("first")
    switch.publish(first, shop.champion, "full")
    with pytest.raises(ConfigError, match="was published by the profile full"):
        shop.switch(shop.sound("second", width=2))
    assert shop.in_use() == first.sha256
    assert not (shop.champion.parent / "canary").exists()


def test_an_index_in_use_that_this_version_cannot_open_is_replaced(shop: Shop) -> None:
    old = shop.bundle("old", {"old format": []})
    # Published by the version before, which knew no canary.
    switch.publish(old, shop.champion, "sample")
    made = shop.sound("new")
    verdict = shop.switch(made)
    assert verdict.finding.passed
    assert "cannot be opened, so there is nothing to compare with: format 0" in verdict.finding.says
    assert shop.in_use() == made.sha256 == shop.drawn_from()


@pytest.mark.parametrize("why", UNANSWERED)
def test_an_index_in_use_that_cannot_be_asked_stays_unless_the_bounds_allow_everything(
    shop: Shop, why: str
) -> None:
    rows = {one: [one] for one in NAMES}
    shop.switch(shop.bundle("old", rows | {"unanswered": [why]}))
    old, made = shop.in_use(), shop.sound("new")
    verdict = shop.switch(made)
    assert not verdict.finding.passed
    assert UNANSWERED[why].found in verdict.finding.says
    assert "restore it" in verdict.finding.says
    assert shop.in_use() == old
    assert shop.switch(made, max_churn=1, max_lost=1).finding.passed
    assert shop.in_use() == made.sha256


def test_a_set_that_was_tampered_with_stops_everything(shop: Shop) -> None:
    first = shop.sound("first")
    shop.switch(first)
    (canary_folder(shop.champion) / "more.txt").write_text("queries")
    with pytest.raises(IntegrityError, match=r"added more\.txt"):
        shop.switch(shop.sound("second"))
    assert shop.in_use() == first.sha256


def test_pictures_that_were_added_or_left_the_data_are_no_churn(shop: Shop) -> None:
    shop.switch(shop.sound("first"))
    shop.kind.data |= {f"new{number}": "new bytes" for number in range(12)}
    del shop.kind.data["p7"]
    stayed = NAMES[:7]
    # Twelve new pictures come before the old ones, and p7 is gone everywhere.
    new = [f"new{number}" for number in range(12)]
    rows = {
        one: [*new, *(other for other in (stayed * 2)[place : place + 4])] for place, one in enumerate(stayed)
    }
    grown = shop.bundle("grown", rows)
    numbers = shop.switch(grown).finding.numbers
    assert numbers == {"queries": 7, "retired": 1, "churn": 0, "lost": 0, "missed_before": 0}
    assert shop.in_use() == grown.sha256


def test_answers_that_an_index_has_lost_are_churn(shop: Shop) -> None:
    shop.switch(shop.sound("first"))
    verdict = shop.switch(shop.sound("poorer", width=1))
    assert not verdict.finding.passed
    assert verdict.finding.numbers["churn"] == 0.75
    assert verdict.finding.numbers["lost"] == 0


def asked(name: str, before: Sequence[str], after: Sequence[str]) -> object:
    sides = [[Answer(Region(one), 1.0, b"") for one in side] for side in (before, after)]
    return replay(CanaryQuery(Region(name), "", "tag", b""), *sides)


def test_a_bound_that_is_just_reached_holds() -> None:
    replays = [asked("a", "abc", "axy"), asked("b", "bac", "xbc"), asked("c", "cab", "xcb")]
    settings = CanarySettings(max_churn=4 / 9, max_lost=0)
    assert judge(replays, 0, settings).finding.passed
    assert not judge(replays, 0, CanarySettings(max_churn=4 / 9 - 1e-3, max_lost=0)).finding.passed
    lost = [asked("a", "ab", "bx"), *(asked("b", "b", "b") for _ in range(19))]
    assert judge(lost, 0, CanarySettings(max_lost=0.05)).finding.passed
    assert not judge(lost[:-1], 0, CanarySettings(max_lost=0.05)).finding.passed


def test_what_was_missed_before_is_told_and_does_not_stop() -> None:
    verdict = judge([asked("a", "bc", "bc"), asked("b", "bc", "bc")], 3, CanarySettings(max_lost=0))
    assert verdict.finding.passed
    assert verdict.finding.numbers["missed_before"] == 1
    assert verdict.draws


def test_the_worst_queries_come_first_in_the_table() -> None:
    replays = [asked("same", ["same"], ["same"]), asked("moved", ["moved", "b"], ["c", "moved"])]
    replays.append(asked("lost", ["lost", "b"], ["b", "c"]))
    lines = worst_table(judge(replays, 0, CanarySettings()).replays).splitlines()[2:]
    assert lines == [
        "| lost | tag | 1 | – | 50% |",
        "| moved | tag | 1 | 2 | 50% |",
        "| same | tag | 1 | 1 | 0% |",
    ]
