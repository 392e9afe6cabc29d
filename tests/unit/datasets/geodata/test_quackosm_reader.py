"""QuackOSM and pyosmium give the same. QuackOSM's fixed cost is paid once in each test."""

import os

import pytest

from tests.unit.datasets.geodata.osm_extract import FILTERS, SHARED, write_extract
from zuroku.datasets.geodata.osm import LANDMARKS, OsmSettings, read_landmarks, read_roads
from zuroku.datasets.geodata.osm_tags import is_wanted, tag_query
from zuroku.datasets.geodata.osmium_reader import read_with_osmium
from zuroku.datasets.geodata.quackosm_reader import read_with_quackosm


def _read_by_both(path, filters, monkeypatch):
    """Roads and landmarks by QuackOSM, read in one pass, beside those by pyosmium."""
    query = tag_query(("highway=*", *filters))
    features = {"quackosm": read_with_quackosm(path, query), "osmium": read_with_osmium(path, query)}
    tables = []
    for read in (read_roads, read_landmarks):
        pair = []
        for engine, found in features.items():
            monkeypatch.setattr(f"zuroku.datasets.geodata.{engine}_reader.read_with_{engine}", _Kept(found))
            settings = OsmSettings(source="pbf", path=path, engine=engine, landmarks=filters)
            pair.append(read(settings, path.parent))
        tables.append(pair)
    return tables


class _Kept:
    """Stands for a reader: gives those of the features found before that a query wants."""

    def __init__(self, found):
        self.found = found

    def __call__(self, path, query):
        wanted = [is_wanted(tags, query) for tags in self.found["tags"]]
        return self.found[wanted]


@pytest.mark.parametrize("name", ["made up", pytest.param("monaco", marks=pytest.mark.slow)])
def test_both_engines_give_the_same_features_names_kinds_and_geometries(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = SHARED / "osm" / f"{name}.osm.pbf"
    if name == "made up":
        path = write_extract(tmp_path / "town.osm.pbf")
    elif not path.exists():
        pytest.skip(f"no {path}")
    filters = FILTERS if name == "made up" else LANDMARKS
    for first, second in _read_by_both(path, filters, monkeypatch):
        assert len(first) > 2
        assert first.drop(columns="geometry").equals(second.drop(columns="geometry"))
        assert first.geometry.geom_equals(second.geometry).all()
    assert set(os.listdir(tmp_path)) <= {"town.osm.pbf"}
