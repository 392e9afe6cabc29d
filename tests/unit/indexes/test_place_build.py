"""Bundles of places: what they hold, what they refuse, and that they appear whole or not at all."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.unit.indexes.place_photographs import (
    DIMENSION,
    ENCODER,
    SETTINGS,
    built,
    payload,
    thumbnails,
    vectors,
)
from zuroku.artifacts import seal
from zuroku.datasets.shards import ShardWriter
from zuroku.errors import BundleError, EvaluationError, IntegrityError, StorageError
from zuroku.indexes import place_build
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.place_bundle import (
    GIVEN_COLUMNS,
    PlaceIndexSettings,
    read_place_bundle,
)


def test_every_photograph_is_found_again_with_its_vector_payload_and_thumbnail(tmp_path: Path) -> None:
    bundle = read_place_bundle(built(tmp_path / "index", 40).path)
    given = vectors(40)
    np.testing.assert_allclose(
        bundle.vectors, given / np.linalg.norm(given, axis=1, keepdims=True), rtol=1e-6, atol=1e-7
    )
    pd.testing.assert_frame_equal(bundle.rows(range(40))[list(GIVEN_COLUMNS)], payload(40))
    assert [bundle.thumbnail(row) or b"" for row in range(40)] == thumbnails(40)
    assert bundle.manifest.thumbnails == 30
    np.testing.assert_array_equal(bundle.coordinates([3, 0]), [[35.003, 138.997], [35, 139]])
    assert len(bundle) == 40
    with pytest.raises(EvaluationError, match="row 40 of an index of 40"):
        bundle.rows([0, 40])


def test_the_same_photographs_give_the_same_bytes(tmp_path: Path) -> None:
    first, again = built(tmp_path / "a"), built(tmp_path / "b")
    assert first.sha256 == again.sha256 != built(tmp_path / "c", seed=1).sha256


def test_the_manifest_says_count_width_and_encoder(tmp_path: Path) -> None:
    manifest = json.loads((built(tmp_path / "index").path / "manifest.json").read_text())
    assert (manifest["count"], manifest["dimension"]) == (40, DIMENSION)
    assert manifest["encoder_sha256"] == ENCODER
    assert manifest["settings"]["name"] == "places"


def test_thumbnails_may_be_left_out(tmp_path: Path) -> None:
    target = build_place_index(vectors(3), payload(3), ENCODER, SETTINGS, tmp_path / "index").path
    assert not (target / "thumbnails.tar").exists()
    assert read_place_bundle(target).thumbnail(0) is None


def test_a_built_index_is_not_built_again(tmp_path: Path) -> None:
    first = built(tmp_path / "index")
    assert built(tmp_path / "index", seed=9) == first


def refused(tmp_path: Path, said: str, **parts: object) -> None:
    given = {"vectors": vectors(9), "payload": payload(9), "thumbnails": None} | parts
    with pytest.raises(BundleError, match=said):
        build_place_index(
            given["vectors"], given["payload"], ENCODER, SETTINGS, tmp_path / "index", given["thumbnails"]
        )
    assert not (tmp_path / "index").exists()


def test_the_test_split_is_never_indexed(tmp_path: Path) -> None:
    table = payload(9)
    table.loc[[2, 7], "split"] = "test"
    refused(tmp_path, "2 photographs of the split 'test': 'photo00002', 'photo00007'", payload=table)
    table["split"] = ""
    refused(tmp_path, "9 photographs of the split ''.*and 4 more", payload=table)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_vectors_that_are_none_are_refused_with_their_ids(tmp_path: Path, value: float) -> None:
    bad = vectors(9)
    bad[4] = value
    refused(
        tmp_path, "1 photographs whose vectors are not finite or of length zero: 'photo00004'", vectors=bad
    )


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (vectors(9)[:, 0], r"vectors of shape \(9,\)"),
        (np.ones((9, 0)), r"shape \(9, 0\)"),
        (np.ones((9, 4), dtype=np.int64), "type int64"),
        (vectors(8), "9 rows of payload for 8 vectors"),
    ],
)
def test_vectors_of_another_form_are_refused(tmp_path: Path, bad: np.ndarray, said: str) -> None:
    refused(tmp_path, said, vectors=bad)


def test_bad_payload_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "0 rows of payload for 0 vectors", payload=payload(0), vectors=vectors(0))
    refused(
        tmp_path, "without the column town, licence", payload=payload(9).drop(columns=["town", "licence"])
    )
    refused(tmp_path, "look swapped", payload=payload(9).rename(
        columns={"latitude": "longitude", "longitude": "latitude"}
    ))  # fmt: skip
    refused(tmp_path, "no places on Earth", payload=payload(9).assign(latitude=np.nan))
    refused(tmp_path, "1 photographs that come more than once: 'photo00003'", payload=payload(9).assign(
        item_id=[f"photo{row:05d}" for row in (0, 1, 2, 3, 4, 5, 6, 3, 8)]
    ))  # fmt: skip
    refused(tmp_path, "no text: 'photo00000'", payload=payload(9).assign(author=None))
    refused(tmp_path, "without an id", payload=payload(9).assign(item_id=""))


def test_thumbnails_are_written_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a country would fill the memory."""
    events: list[str] = []

    def made() -> Iterator[bytes]:
        for row, data in enumerate(thumbnails(9)):
            events.append(f"made {row}")
            yield data

    add = ShardWriter.add

    def noted(writer: ShardWriter, name: str, data: bytes) -> int:
        events.append(f"written {int(name.removesuffix('.jpg'))}")
        return add(writer, name, data)

    monkeypatch.setattr(ShardWriter, "add", noted)
    build_place_index(vectors(9), payload(9), ENCODER, SETTINGS, tmp_path / "index", made())
    # Every fourth has none.
    assert events == [
        f"{event} {row}" for row in range(9) for event in ("made", "written")[: 1 if row % 4 == 3 else 2]
    ]
    monkeypatch.undo()
    bundle = read_place_bundle(tmp_path / "index")
    assert [bundle.thumbnail(row) or b"" for row in range(9)] == thumbnails(9)


def test_bad_thumbnails_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "8 thumbnails for 9", thumbnails=thumbnails(8))
    refused(tmp_path, "10 thumbnails for 9", thumbnails=thumbnails(10))
    refused(
        tmp_path,
        "photo00005 has a thumbnail that is a unreadable",
        thumbnails=[*thumbnails(5), b"x", *[b""] * 3],
    )


@pytest.mark.parametrize(
    ("kind", "size", "said"),
    [("PNG", 20, "a PNG of 20 px"), ("JPEG", 97, "a JPEG of 97 px"), ("WEBP", 96, "a WEBP of 96 px")],
)
def test_a_thumbnail_is_a_jpeg_of_at_most_96_px(tmp_path: Path, kind: str, size: int, said: str) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (size, 10)).save(encoded, format=kind)
    refused(tmp_path, said, thumbnails=[*thumbnails(8), encoded.getvalue()])


def test_what_was_changed_or_does_not_fit_is_refused(tmp_path: Path) -> None:
    folder = built(tmp_path / "index").path
    with (folder / "vectors.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\7")
    with pytest.raises(IntegrityError, match=r"changed vectors\.npy"):
        read_place_bundle(folder)
    np.save(folder / "vectors.npy", np.ones((39, DIMENSION), dtype=np.float32))
    seal(folder)
    with pytest.raises(BundleError, match=r"vectors\.npy is \(39, 16\) float32 instead of \(40, 16\)"):
        read_place_bundle(folder)
    (folder / "payload.parquet").write_bytes(b"PAR1")
    seal(folder)
    with pytest.raises(BundleError, match="cannot be read"):
        read_place_bundle(folder)


def test_another_folder_or_format_is_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no index of places"):
        read_place_bundle(tmp_path / "nowhere")
    folder = built(tmp_path / "index").path
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 9}))
    with pytest.raises(BundleError, match="format"):
        read_place_bundle(folder)


def test_an_index_is_restricted_and_says_so(tmp_path: Path) -> None:
    folder = built(tmp_path / "index").path
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["release"] == "restricted"
    (folder / "manifest.json").write_text(json.dumps(manifest | {"release": "public"}))
    with pytest.raises(BundleError, match="release"):
        read_place_bundle(folder)
    # Those made before it was written down are no less so.
    (folder / "manifest.json").write_text(json.dumps({k: v for k, v in manifest.items() if k != "release"}))
    seal(folder)
    assert read_place_bundle(folder).manifest.release == "restricted"


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place_build, "_write_payload", full)
    with pytest.raises(StorageError, match="no room left"):
        built(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == [".index.lock"]
    monkeypatch.undo()
    assert len(read_place_bundle(built(tmp_path / "index").path)) == 40


@pytest.mark.parametrize("name", ["", "a b", "地"])
def test_a_name_that_no_server_takes_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        PlaceIndexSettings(name=name)
