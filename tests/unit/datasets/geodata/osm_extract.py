"""A small made-up extract, written as PBF or XML, with what real ones have: links, areas, holes, cut ways."""

from pathlib import Path

import osmium

SHARED = Path(__file__).parents[5] / "shared" / "data" / "geo"

WEST, SOUTH = 139.0, 35.0


def _square(first, west, south, side=0.001):
    return {
        first: (west, south),
        first + 1: (west + side, south),
        first + 2: (west + side, south + side),
        first + 3: (west, south + side),
    }


PLACES = {number: (WEST + number * 0.001, SOUTH) for number in range(1, 10)}
PLACES |= _square(20, WEST, SOUTH + 0.01) | _square(30, WEST + 0.01, SOUTH + 0.01, 0.003)
PLACES |= _square(40, WEST + 0.011, SOUTH + 0.011)

NODES = {
    50: {"tourism": "museum", "historic": "castle", "name": "Keep"},
    51: {"historic": "castle"},
    52: {"tourism": "hotel"},
    53: {"highway": "traffic_signals"},
}
PLACES |= {number: (WEST + 0.02, SOUTH + (number - 50) * 0.001) for number in NODES}

WAYS = {
    1: ([1, 2, 3], {"highway": "primary", "name": "Main", "ref": "1"}),
    2: ([3, 4], {"highway": "primary_link", "ref": "1"}),
    3: ([20, 21, 22, 23, 20], {"highway": "residential", "junction": "roundabout"}),
    4: ([30, 31, 32, 33, 30], {"highway": "residential", "area": "yes"}),
    5: ([4, 5], {"highway": "footway"}),
    6: ([20, 21, 22, 23, 20], {"leisure": "park", "name": "Green"}),
    7: ([5, 6, 7], {"historic": "castle", "name": "Wall"}),
    8: ([30, 31, 32, 33, 30], {}),
    9: ([40, 41, 42, 43, 40], {}),
}

RELATIONS = {1: ([(8, "outer"), (9, "inner")], {"type": "multipolygon", "leisure": "park", "name": "Ring"})}

ROADS = {
    "way/1": ("Main", "primary"),
    "way/2": ("1", "primary"),
    "way/3": ("", "residential"),
}
"""What the reader of roads makes of it: name and kind."""

FILTERS = ("tourism=museum", "historic=castle", "leisure=*")

LANDMARKS = {
    "node/50": ("Keep", "tourism=museum"),
    "node/51": ("", "historic=castle"),
    "relation/1": ("Ring", "leisure=park"),
    "way/6": ("Green", "leisure=park"),
}


def write_extract(path: Path, ways: dict = WAYS, relations: dict = RELATIONS, places: dict = PLACES) -> Path:
    """Write the extract to ``path``; the suffix says in which format."""
    with osmium.SimpleWriter(str(path)) as writer:
        for number, place in sorted(places.items()):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=place, tags=NODES.get(number, {})))
        for number, (nodes, tags) in ways.items():
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=nodes, tags=tags))
        for number, (members, tags) in relations.items():
            named = [("w", way, role) for way, role in members]
            writer.add_relation(osmium.osm.mutable.Relation(id=number, members=named, tags=tags))
    return path
