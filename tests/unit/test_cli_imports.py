"""What a command imports before it answers: a query waits for nothing that only training or reports need."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"dagster", "geopandas", "matplotlib", "mlflow", "qdrant_client", "scipy", "sklearn", "timm", "torch"}

SCRIPT = """
import sys
from typer.testing import CliRunner
from zuroku.cli import app

result = CliRunner().invoke(app, sys.argv[1:])
print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
print(result.exit_code)
"""


def imported(*arguments: str) -> tuple[set[str], int]:
    """Return the packages that a process has imported after the command, and the command's exit code."""
    command = [sys.executable, "-c", SCRIPT, *arguments]
    *_, names, code = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return set(names.split()), int(code)


@pytest.mark.parametrize(
    ("command", "needed", "unneeded"),
    [
        # Everything is imported before the bundle is looked for.
        ("geolocate", {"openvino", "qdrant_edge"}, HEAVY | {"folium"}),
        ("search", {"openvino"}, HEAVY | {"folium"}),
        ("tag", {"openvino"}, HEAVY | {"folium", "pandas"}),
    ],
)
def test_a_query_imports_only_what_it_needs(
    command: str, needed: set[str], unneeded: set[str], tmp_path: Path
) -> None:
    beside = ["--out", str(tmp_path / "out")] if command == "tag" else []
    names, code = imported(command, str(tmp_path / "none.jpg"), "--var", str(tmp_path), *beside)
    assert code == 1
    assert needed <= names
    assert not names & unneeded


def test_help_imports_nothing_of_a_query() -> None:
    names, code = imported("--help")
    assert code == 0
    assert not names & (HEAVY | {"numpy", "openvino", "pandas", "pyarrow", "PIL", "pydantic"})
