"""``zuroku evaluate`` on good and bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from zuroku.cli import app

RANKS = np.array([[5, 0, 1, 2, 3, 4], [4, 0, 1, 2, 3, 5]]).T


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    gnd = [
        {"easy": [0, 1], "hard": [2], "junk": [3], "bbx": [0, 0, 9, 9]},
        {"easy": [], "hard": [4], "junk": [], "bbx": [0, 0, 9, 9]},
    ]
    path = tmp_path / "gnd.json"
    path.write_text(json.dumps({"imlist": list("abcdef"), "qimlist": ["p", "q"], "gnd": gnd}))
    return path


def run(protocol: str, truth: Path, *arguments: object) -> Result:
    command = ["evaluate", "retrieval", "--protocol", protocol, "--ground-truth", truth, *arguments]
    return CliRunner().invoke(app, [str(argument) for argument in command])


def put(path: Path, array: object) -> Path:
    np.save(path, np.asarray(array))
    return path


def test_json_holds_the_three_difficulties_and_nothing_else_is_printed(tmp_path: Path, truth: Path) -> None:
    result = run("roxford", truth, "--ranks", put(tmp_path / "ranks.npy", RANKS), "--json")
    assert result.exit_code == 0
    scores = json.loads(result.output)
    assert list(scores) == ["E", "M", "H"]
    assert all(list(part) == ["mAP", "mP@1", "mP@5", "mP@10"] for part in scores.values())
    assert scores["H"] == pytest.approx({"mAP": (1 / 4 + 1) / 2, "mP@1": 0.5, "mP@5": 0.75, "mP@10": 0.75})


def test_without_json_a_table_is_printed(tmp_path: Path, truth: Path) -> None:
    result = run("rparis", truth, "--ranks", put(tmp_path / "ranks.npy", RANKS))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "rparis: 2 queries, 6 images"
    assert lines[-1].split() == ["H", "0.6250", "0.5000", "0.7500", "0.7500"]


def test_embeddings_are_ranked_by_cosine(tmp_path: Path) -> None:
    gallery = np.eye(4).repeat(2, axis=0).repeat(2, axis=0) * np.arange(1, 17)[:, None]
    vectors = put(tmp_path / "vectors.npy", gallery)
    result = run("ukbench", Path("16"), "--queries", vectors, "--gallery", vectors, "--json")
    assert json.loads(result.stdout) == {"NS": 4.0}


def test_ranks_that_end_early_are_scored_with_a_warning_beside_the_json(tmp_path: Path, truth: Path) -> None:
    result = run("roxford", truth, "--ranks", put(tmp_path / "ranks.npy", RANKS[:3]), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["M"]["mAP"] < 1
    assert "only 3 of 6 images are ranked" in result.stderr


def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "gnd.pkl"
    path.write_bytes(f"cos\nsystem\n(Vtouch {mark}\ntR.".encode())
    result = run("roxford", path, "--ranks", put(tmp_path / "ranks.npy", RANKS))
    assert result.exit_code == 1
    assert "asks for os.system" in result.stderr
    assert not mark.exists()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_bad_input_is_said_on_one_side_and_leaves_with_one(
    tmp_path: Path, truth: Path, as_json: list[str]
) -> None:
    ranks = put(tmp_path / "ranks.npy", RANKS)
    for bad, arguments, said in [
        (truth, ["--ranks", put(tmp_path / "wide.npy", RANKS.T)], "EvaluationError: ranks have shape (2, 6)"),
        (truth, [], "ConfigError: both ranks and embeddings, or neither"),
        (truth, ["--ranks", tmp_path / "nowhere.npy"], "SourceError"),
        (tmp_path / "nowhere.pkl", ["--ranks", ranks], "SourceError"),
    ]:
        result = run("roxford", bad, *arguments, *as_json)
        assert result.exit_code == 1
        assert said in result.stderr
        assert "expected:" in result.stderr
        assert result.stdout == ""


def test_an_unknown_protocol_is_a_fault_of_usage(truth: Path) -> None:
    result = run("oxford", truth)
    assert result.exit_code == 2
    assert "ukbench" in result.stderr


def test_help_names_every_protocol_and_its_file() -> None:
    text = CliRunner().invoke(app, ["evaluate", "retrieval", "--help"]).stdout
    for said in (
        "ukbench", "holidays_images.dat", "images.txt", "gnd_roxford5k.pkl", "gnd_rparis6k.pkl", "index.csv"
    ):  # fmt: skip
        assert said in text
