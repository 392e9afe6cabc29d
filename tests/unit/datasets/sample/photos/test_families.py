"""What things share: families a shape, materials a look, buildings one stone."""

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pytest

from zuroku.datasets.sample.photos.places.architecture import LANDMARKS, any_building, landmark
from zuroku.datasets.sample.photos.places.masonry import finishes
from zuroku.datasets.sample.photos.rendering.bodies import Body
from zuroku.datasets.sample.photos.rendering.camera import Camera
from zuroku.datasets.sample.photos.rendering.sight import Seen, see
from zuroku.datasets.sample.photos.things.catalogue import FAMILY, MATERIALS, Thing, family_thing, stand
from zuroku.datasets.sample.photos.things.shapes import SHAPES

CAMERA = Camera((0.8, 1.0, 2.4), (0.0, 0.4, 0.0), 1.3, (96, 72))
THINGS = [family_thing(number, 7) for number in range(120)]


def seen(thing: Thing) -> Seen:
    return see(CAMERA, [stand(thing)])


def colours(thing: Thing) -> npt.NDArray[np.float64]:
    """Return the histogram of the colours of a thing's body, whatever its shape."""
    found = seen(thing)
    own = found.parts == 0
    albedo = thing.material.albedo(found.coords[0][own], found.coords[1][own])
    bins = np.clip((albedo ** (1 / 2.2) * 6).astype(int), 0, 5)
    counts = np.bincount(bins[0] * 36 + bins[1] * 6 + bins[2], minlength=216)
    return counts / counts.sum()


def likeness(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Return the intersection of two histograms: 1 where they are equal."""
    return float(np.minimum(a, b).sum())


def overlap(a: Seen, b: Seen) -> float:
    """Return the intersection of two silhouettes over their union."""
    first, second = set(a.pixels.tolist()), set(b.pixels.tolist())
    return len(first & second) / len(first | second)


def test_families_share_shape_and_differ_in_material() -> None:
    for start in range(0, 120, FAMILY):
        family = THINGS[start : start + FAMILY]
        assert len({(thing.shape, thing.form) for thing in family}) == 1
        assert len({thing.material for thing in family}) == FAMILY
    assert len({thing.shape for thing in THINGS}) == 24


def test_every_material_occurs_in_several_shapes() -> None:
    shapes: defaultdict[object, set[str]] = defaultdict(set)
    for thing in THINGS:
        shapes[thing.material].add(thing.shape)
    assert set(shapes) == set(MATERIALS)
    assert {len(names) for names in shapes.values()} == {5}


def test_no_two_things_are_the_same() -> None:
    assert len(set(THINGS)) == len(THINGS)


@pytest.mark.parametrize("start", range(0, 120, 6 * FAMILY))
def test_silhouettes_agree_within_a_family_and_not_beyond(start: int) -> None:
    one, other, stranger = THINGS[start], THINGS[start + 2], THINGS[(start + FAMILY) % 120]
    assert np.array_equal(seen(one).pixels, seen(other).pixels)
    assert overlap(seen(one), seen(stranger)) < 0.8


@pytest.mark.parametrize("material", range(0, len(MATERIALS), 3))
def test_colours_agree_within_a_material_and_not_within_a_family(material: int) -> None:
    same = [thing for thing in THINGS if thing.material == MATERIALS[material]]
    histograms = [colours(thing) for thing in same]
    alike = np.mean([likeness(histograms[0], other) for other in histograms[1:]])
    family = THINGS.index(same[0]) // FAMILY * FAMILY
    relatives = [thing for thing in THINGS[family : family + FAMILY] if thing != same[0]]
    apart = np.mean([likeness(histograms[0], colours(thing)) for thing in relatives])
    assert alike > 0.6
    assert alike > apart + 0.3


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_stand_on_the_floor_within_their_extent(name: str) -> None:
    shape = SHAPES[name]
    for form in ((0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0), (0.5, 0.2, 0.9, 0.4)):
        surface = shape.build(form, 0.02)
        low, high = surface.points.min(1), surface.points.max(1)
        assert abs(low[1]) < 0.08
        assert np.isfinite(surface.points).all()
        # The ball around its extent is what keeps it in the picture and in the shadow map.
        middle = np.array([0, shape.half[1], 0])
        assert np.linalg.norm(surface.points.T - middle, axis=1).max() < 1.15 * np.linalg.norm(shape.half)
        assert np.abs(np.linalg.norm(surface.normals, axis=0) - 1).max() < 1e-3
        assert surface.parts.max() <= 1 + len(shape.extras)
        assert 0.4 < (high - low).max() < 1.5


class TestTown:
    def test_landmarks_differ_in_outline_alone(self) -> None:
        outlines = {}
        for name in LANDMARKS:
            building = landmark(name)
            scale = 1.0 / max(building.half_width, building.height / 2)
            reach = float(np.linalg.norm((building.half_width, building.height / 2, building.half_depth)))
            body = Body(building.pieces, finishes(1), (0.0, building.height / 2, 0.0), reach)
            distance = 3.2 / scale + building.half_depth
            camera = Camera((0.0, 2.0, distance), (0.0, building.height / 2, 0.0), 1.3, (96, 96))
            outlines[name] = see(camera, [body])
            assert set(np.unique(outlines[name].parts)) <= {0, 1, 2, 3}
        names = list(outlines)
        shared = [overlap(outlines[a], outlines[b]) for a in names for b in names if a < b]
        assert max(shared) < 0.85
        assert np.mean(shared) < 0.6

    @pytest.mark.parametrize("name", LANDMARKS)
    def test_a_building_keeps_to_the_box_that_queries_are_cut_to(self, name: str) -> None:
        building = landmark(name)
        for piece in building.pieces:
            low, high = piece.build(0.7).points.min(1), piece.build(0.7).points.max(1)
            assert low[1] > -1e-3
            assert high[1] < building.height + 1.2
            assert np.abs([low[0], high[0]]).max() < building.half_width + 1.2
            assert np.abs([low[2], high[2]]).max() < building.half_depth + 1.8

    def test_all_walls_of_a_town_are_of_one_stone(self) -> None:
        walls = finishes(3)
        u = np.linspace(0, 40, 900, dtype=np.float32)
        v = np.linspace(0, 24, 900, dtype=np.float32)
        mean = walls[0].albedo(u, v).mean(1)
        assert np.allclose(finishes(3)[0].albedo(u, v).mean(1), mean)
        assert (mean[0] > mean[1] > mean[2]).all()

    def test_other_buildings_are_drawn_from_their_number(self) -> None:
        assert any_building(5).height == any_building(5).height
        assert len({any_building(n).height for n in range(12)}) > 6
