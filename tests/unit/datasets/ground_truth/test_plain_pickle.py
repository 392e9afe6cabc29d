"""Pickles from strangers must never run anything."""

import pickle
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zuroku.datasets.ground_truth.plain_pickle import read_plain_pickle
from zuroku.errors import SourceError


def put(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "gnd.pkl"
    path.write_bytes(data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_plain_pickle(path)
    return caught.value.found


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_come_back_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    shared = [1, 2**40, -3]
    value = {"imlist": ["a", "é"], "gnd": [{"easy": shared, "bbx": (1.5, None, True)}, {"easy": shared}]}
    assert read_plain_pickle(put(tmp_path, pickle.dumps(value, protocol))) == value


def payloads(mark: Path) -> dict[str, bytes]:
    """Pickles that create the file ``mark`` when they are opened carelessly."""
    command = f"touch {mark}".encode()
    opened = f"open({str(mark)!r}, 'w')".encode()
    return {
        "reduce": b"cos\nsystem\n(V" + command + b"\ntR.",
        "within a list": b"]cposix\nsystem\n(V" + command + b"\ntRa.",
        "instance": b"(V" + command + b"\nios\nsystem\n.",
        "object": b"(cos\nsystem\nV" + command + b"\no.",
        "eval": b"cbuiltins\neval\n(V" + opened + b"\ntR.",
        "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c"
        + bytes([len(command)])
        + command
        + b"\x85R.",
        "new object": b"\x80\x02csubprocess\nPopen\n(X"
        + len(command).to_bytes(4, "little")
        + command
        + b"I1\nt\x81.",
    }


@pytest.mark.parametrize("kind", payloads(Path("x")))
def test_code_in_a_pickle_does_not_run(tmp_path: Path, kind: str) -> None:
    mark = tmp_path / "ran"
    data = payloads(mark)[kind]
    assert "which reading it would run" in refusal(put(tmp_path, data))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x80\x02Nr\x00\x00\x00\x04.", "asks for room for 67108864 values in a file of 9 bytes"),
        (b"\x80\x02Nr\xff\xff\xff\xff.", "asks for room for 4294967295 values"),
        (b"\x80\x02Nq\xff.", "asks for room for 255 values"),
        (b"Np67108864\n.", "asks for room for 67108864 values"),
        (b"\x80\x04\x95" + (2**40).to_bytes(8, "little") + b"N.", "cannot be read as a pickle"),
        (b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".", "cannot be read as a pickle"),
        (b"\x80\x03B" + (2**30).to_bytes(4, "little") + b".", "cannot be read as a pickle"),
    ],
    ids=["cell", "last cell", "short cell", "cell in text", "frame", "bytearray", "bytes"],
)
def test_no_room_is_made_that_the_file_cannot_fill(tmp_path: Path, data: bytes, said: str) -> None:
    path = put(tmp_path, data)
    tracemalloc.start()
    try:
        assert said in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_many_values_of_few_bytes_are_read(tmp_path: Path) -> None:
    value = [[] for _ in range(70_000)]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert read_plain_pickle(put(tmp_path, pickle.dumps(value, protocol))) == value


def test_the_payloads_would_run_if_they_could(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    pickle.loads(payloads(mark)["eval"])
    assert mark.exists()


@pytest.mark.parametrize("value", [np.arange(3), OrderedDict(a=1), Path("x"), 1j, SourceError, range(3)])
def test_even_harmless_classes_are_refused(tmp_path: Path, value: Any) -> None:
    assert "asks for" in refusal(put(tmp_path, pickle.dumps(value)))


def test_persistent_ids_are_refused(tmp_path: Path) -> None:
    assert "the object 'somewhere' from elsewhere" in refusal(put(tmp_path, b"Psomewhere\n."))


@pytest.mark.parametrize("protocol", [0, 3, 5])
def test_truncated_files_are_refused(tmp_path: Path, protocol: int) -> None:
    data = pickle.dumps({"imlist": ["a", "b"], "gnd": [{"easy": [1, 300]}]}, protocol)
    for length in range(len(data)):
        assert "cannot be read as a pickle" in refusal(put(tmp_path, data[:length]))


@pytest.mark.parametrize("data", [b"not a pickle", b"\x80\x63.", b"(((.", b"\x82\x01.", b"\xff\xd8\xff"])
def test_what_is_no_pickle_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "cannot be read as a pickle" in refusal(put(tmp_path, data))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "nowhere.pkl cannot be read" in refusal(tmp_path / "nowhere.pkl")
