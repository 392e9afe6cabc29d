"""The benchmarks of geodata measure what they say, on lands small enough for a test."""

import numpy as np
import pytest
import shapely

from benchmarks.geodata_points import compare, markdown, write_copies
from benchmarks.osm_point_readers import READERS
from benchmarks.place_labels import area_rings, exponent, label_stages, make_land, projection
from benchmarks.stages import Failure, Stage
from tests.unit.datasets.geodata.osm_extract import write_extract
from zuroku.datasets.geodata.osm import OsmSettings, read_landmarks, read_roads
from zuroku.datasets.geodata.osm_file import contents
from zuroku.geo.labels import LabelSettings, label_places

OSMIUM, PLAIN = "zuroku, osmium", "plain pyosmium"


def test_copies_lie_side_by_side_under_ids_of_their_own(tmp_path):
    one = write_extract(tmp_path / "one.osm.pbf")
    write_copies(one, 3, tmp_path / "three.osm.pbf")
    read = [
        OsmSettings(source="pbf", path=tmp_path / f"{name}.osm.pbf", engine="osmium")
        for name in ("one", "three")
    ]
    for reader in (read_roads, read_landmarks):
        single, copied = (reader(settings, tmp_path) for settings in read)
        assert copied["feature_id"].is_unique
        assert sorted(copied["kind"]) == sorted(3 * list(single["kind"]))
        assert copied.geometry.union_all().length == pytest.approx(3 * single.geometry.union_all().length)
    assert contents(tmp_path / "three.osm.pbf").startswith(
        "{} nodes, {} ways and {} relations".format(
            *(
                3 * int(part.split()[0])
                for part in contents(one).split(";")[0].replace(" and", ",").split(",")
            )
        )
    )


def test_the_plain_loop_reads_what_zuroku_reads(tmp_path):
    path = write_extract(tmp_path / "one.osm.pbf")
    by_zuroku, by_loop = (list(READERS[reader](path)) for reader in (OSMIUM, PLAIN))
    assert by_zuroku == by_loop
    assert [stage for stage, _ in by_loop] == ["start", *("roads", "landmarks", "points")]
    assert all(rows > 0 for _, rows in by_loop[1:])


def test_readers_take_turns_and_one_that_fails_is_not_run_again(monkeypatch, tmp_path):
    asked = []

    def run_alone(reader, path):
        asked.append(reader)
        return Failure("ValueError: no") if reader is READERS[PLAIN] else [Stage("start", 0, 1.0, 1.0, 1.0)]

    monkeypatch.setattr("benchmarks.geodata_points.run_alone", run_alone)
    runs = compare(tmp_path, {name: READERS[name] for name in (OSMIUM, PLAIN)}, rounds=3)
    assert asked == [READERS[name] for name in (OSMIUM, PLAIN, OSMIUM, OSMIUM)]
    assert len(runs[OSMIUM]) == 3
    assert (
        markdown("a", 0.0, {PLAIN: runs[PLAIN]})
        == f"| a, 0.0 MB | {PLAIN} | fails: ValueError: no {8 * '| '}|"
    )


def test_a_row_has_the_medians_and_the_range():
    runs = [
        [Stage(name, 5, seconds, 1.0, memory) for name, memory in zip(READ, (10, 30, 20, 40), strict=True)]
        for seconds in (1.0, 2.0, 9.0)
    ]
    row = markdown("land", 1.25, {"ours": runs})
    assert row == (
        "| land, 1.2 MB | ours | 2.00 | 2.00 | 2.00 | 2.00 | 8.0 (4.0–36.0) | 4.0 | 30 | 40 | 5 / 5 / 5 |"
    )


READ = ("start", "roads", "landmarks", "points")


def test_all_readers_have_a_name():
    assert list(READERS) == ["zuroku, osmium", "zuroku, QuackOSM", "plain pyosmium", "pyrosm"]


def test_areas_of_the_made_land_touch_and_do_not_overlap():
    areas = shapely.polygons(area_rings(np.random.default_rng(0), 5))
    assert shapely.is_valid(areas).all()
    assert shapely.area(shapely.union_all(areas)) == pytest.approx(shapely.area(areas).sum())


def test_most_places_of_the_made_land_have_all_labels():
    land = make_land(400)
    assert (len(land.places), len(land.areas), len(land.roads), len(land.landmarks)) == (400, 100, 400, 40)
    ids = [str(number) for number in range(400)]
    labels = label_places(ids, land.places, land.areas, land.roads, land.landmarks, LabelSettings())
    assert (labels["road"] != "").mean() > 0.8
    assert (labels["town"] != "").mean() > 0.9
    assert list(label_stages(400)) == [("land", 400), ("labels", int((labels["road"] != "").sum()))]


def test_the_exponent_is_that_of_a_power_law():
    sizes = [10, 100, 1000]
    assert exponent(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)


def test_the_projection_goes_on_from_the_two_largest_sizes():
    labels = {size: Stage("labels", size, s, s, m) for size, s, m in ((1, 9, 9), (10, 1, 50), (100, 20, 140))}
    found = projection(labels, 1000)
    assert found["seconds"] == pytest.approx(400)
    assert found["peak_mib"] == pytest.approx(1040)


def test_the_projection_of_time_is_at_least_linear():
    labels = {size: Stage("labels", size, s, s, 1.0) for size, s in ((10, 5.0), (100, 6.0))}
    assert projection(labels, 1000)["seconds"] == pytest.approx(60)
