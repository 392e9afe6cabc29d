"""Rendering against slow geometry: what is seen where, what hides what, what lies in shadow."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from zuroku.datasets.sample.photos.places.masonry import box, finishes
from zuroku.datasets.sample.photos.places.terrain import (
    Air,
    Lookout,
    first_to_cover,
    landscape_light,
    outlook,
)
from zuroku.datasets.sample.photos.rendering.backdrops import Backdrop
from zuroku.datasets.sample.photos.rendering.bodies import Body, Light
from zuroku.datasets.sample.photos.rendering.camera import Camera, bounds_px
from zuroku.datasets.sample.photos.rendering.exposure import Film, develop
from zuroku.datasets.sample.photos.rendering.materials import Material, Pattern
from zuroku.datasets.sample.photos.rendering.scenes import Scene, photograph
from zuroku.datasets.sample.photos.rendering.shadows import ShadowMap
from zuroku.datasets.sample.photos.rendering.sight import see
from zuroku.datasets.sample.photos.rendering.surfaces import (
    Piece,
    block,
    ellipsoid,
    lathe,
    moved,
    tube,
    turn_about,
)
from zuroku.datasets.sample.photos.rendering.textures import cell_tile, fractal_tile, look_up

GREY = Material("earthenware", "plain", ((0.5, 0.5, 0.5),))
CAMERA = Camera((0.4, 0.9, 2.6), (0.1, 0.3, 0.0), 1.2, (80, 60), roll_deg=7, shift=(0.05, -0.04))
LIGHT = Light((-0.5, 1.0, 0.4), (1.5, 1.5, 1.5), (0.3, 0.3, 0.3), (0.1, 0.1, 0.1), 0.3)
PATTERNS: tuple[Pattern, ...] = Pattern.__args__  # type: ignore[attr-defined]


def ball(middle: tuple[float, float, float], radius: float) -> Body:
    def build(spacing: float):
        return moved(ellipsoid((radius, radius, radius), spacing), middle)

    return Body((Piece(build),), (GREY,), middle, radius)


def hit(camera: Camera, middle: tuple[float, float, float], radius: float) -> npt.NDArray[np.float64]:
    """Return how far each pixel's ray runs to a ball, infinite where it misses, by the quadratic formula."""
    rays = camera.rays().astype(float)
    offset = np.asarray(camera.eye)[:, None] - np.asarray(middle)[:, None]
    b = (rays * offset).sum(0)
    root = b * b - ((offset * offset).sum(0) - radius**2)
    return np.where(root > 0, -b - np.sqrt(np.maximum(root, 0)), np.inf)


class TestCamera:
    def test_a_point_falls_where_similar_triangles_say(self) -> None:
        camera = Camera((0.0, 0.0, 5.0), (0.0, 0.0, 0.0), 2.0, (100, 50))
        x, y, depth = camera.project(np.array([[1.0, 0.0], [0.5, 0.0], [0.0, 3.0]], np.float32))
        assert x.tolist() == pytest.approx([50 + 200 * 1 / 5, 50])
        assert y.tolist() == pytest.approx([25 - 200 * 0.5 / 5, 25])
        assert depth.tolist() == pytest.approx([5, 2])

    def test_rays_and_projection_agree(self) -> None:
        rays = CAMERA.rays()
        points = np.asarray(CAMERA.eye, np.float32)[:, None] + rays * np.float32(3)
        x, y, _ = CAMERA.project(points)
        rows, columns = np.divmod(np.arange(80 * 60), 80)
        assert np.abs(x - columns - 0.5).max() < 1e-3
        assert np.abs(y - rows - 0.5).max() < 1e-3

    def test_bounds_are_cut_to_the_picture(self) -> None:
        camera = Camera((0.0, 0.0, 4.0), (0.0, 0.0, 0.0), 1.0, (100, 100))
        corners = [(x, y, 0.0) for x in (-9.0, 0.4) for y in (-0.4, 0.8)]
        assert bounds_px(camera, corners) == pytest.approx((0.0, 30.0, 60.0, 60.0))


class TestSight:
    def test_a_ball_covers_the_pixels_whose_rays_meet_it(self) -> None:
        middle, radius = (0.1, 0.35, -0.2), 0.5
        distance = hit(CAMERA, middle, radius)
        found = see(CAMERA, [ball(middle, radius)])
        expected, shown_at = np.isfinite(distance).reshape(60, 80), np.zeros((60, 80), bool)
        shown_at.ravel()[found.pixels] = True
        # A pixel counts once anything of the ball falls into it, a ray only meets what is at its middle.
        assert (expected & ~shown_at).sum() < 0.005 * expected.sum()
        assert not (shown_at & ~binary_dilation(expected, np.ones((3, 3)))).any()
        shown = np.isfinite(distance[found.pixels])
        reached = np.linalg.norm(found.points.T - np.asarray(CAMERA.eye), axis=1)
        assert np.abs(reached - distance[found.pixels])[shown].max() < 0.15
        assert np.median(np.abs(reached - distance[found.pixels])[shown]) < 0.01
        outward = (found.points.T - np.asarray(middle)) / radius
        assert np.abs(found.normals.T - outward).max() < 0.03

    def test_the_nearer_of_two_is_seen(self) -> None:
        balls = [((0.1, 0.35, -0.2), 0.5), ((0.3, 0.4, 0.5), 0.3)]
        distances = np.stack([hit(CAMERA, *one) for one in balls])
        found = see(CAMERA, [ball(*one) for one in balls])
        nearest = distances.argmin(0)
        # Not where outlines run.
        sure = np.ones(80 * 60, bool)
        for middle, radius in balls:
            inner, outer = hit(CAMERA, middle, 0.93 * radius), hit(CAMERA, middle, 1.07 * radius)
            sure &= np.isfinite(inner) == np.isfinite(outer)
        sure = sure[found.pixels]
        assert set(nearest[found.pixels][sure].tolist()) == {0, 1}
        assert (found.bodies == nearest[found.pixels])[sure].all()

    def test_faces_of_a_box_leave_no_hole(self) -> None:
        def build(spacing: float):
            return moved(block((0.5, 0.4, 0.3), 0.0, spacing), (0.1, 0.4, 0.0), turn_about(1, 33))

        found = see(CAMERA, [Body((Piece(build),), (GREY,), (0.1, 0.4, 0.0), 0.71)])
        mask = np.zeros(80 * 60, bool)
        mask[found.pixels] = True
        mask = mask.reshape(60, 80)
        for row in mask[mask.any(1)]:
            columns = np.flatnonzero(row)
            assert columns[-1] - columns[0] + 1 == len(columns)

    def test_flat_pieces_are_left_out_only_where_nobody_would_see_them(self) -> None:
        walls = box(0, 0, 8, 6, 0, 5)
        camera = Camera((9.0, 3.0, 14.0), (0.0, 2.0, 0.0), 1.2, (96, 72))
        body = Body(tuple(walls), finishes(1), (0.0, 2.5, 0.0), 5.6)
        everything = tuple(Piece(wall.build) for wall in walls)
        culled, whole = see(camera, [body]), see(camera, [Body(everything, body.materials, body.middle, 5.6)])
        assert len(set(culled.pixels.tolist()) ^ set(whole.pixels.tolist())) < 0.02 * len(whole.pixels)
        front, right = (culled.normals[2] > 0.9).sum(), (culled.normals[0] > 0.9).sum()
        assert front > 200
        assert right > 100
        assert (culled.normals.min(1) > -0.1).all()

    def test_nothing_in_sight(self) -> None:
        found = see(CAMERA, [ball((0.0, 50.0, 0.0), 0.5)])
        assert len(found.pixels) == 0


class TestSurfaces:
    def test_normals_point_outward_everywhere(self) -> None:
        for surface in (ellipsoid((0.5, 0.3, 0.2), 0.03), block((0.4, 0.3, 0.2), 0.05, 0.03)):
            assert ((surface.points * surface.normals).sum(0) > 0).all()
        path = np.array([[0.0, 0, 0], [0.3, 0.4, 0.1], [0.4, 0.9, 0.5]])
        pipe = tube(path, 0.05, 0.01)
        nearest = np.linalg.norm(pipe.points.T[:, None] - path[None], axis=2).min(1)
        assert nearest.max() < 0.4
        assert np.abs(np.linalg.norm(pipe.normals, axis=0) - 1).max() < 1e-4

    def test_points_lie_as_close_as_asked(self) -> None:
        surface = lathe(np.array([[0.0, 0.0], [0.5, 0.0], [0.3, 0.8], [0.0, 0.8]]), 0.05)
        probe = np.array([[0.4, 0.4, 0.0], [0.0, 0.8, 0.0], [0.3, 0.0, 0.3]])
        for point in probe:
            assert np.linalg.norm(surface.points.T - point, axis=1).min() < 0.05

    def test_turns_are_right_handed(self) -> None:
        assert turn_about(2, 90) @ (1, 0, 0) == pytest.approx((0, 1, 0))
        assert turn_about(0, 90) @ (0, 1, 0) == pytest.approx((0, 0, 1))
        assert turn_about(1, 90) @ (0, 0, 1) == pytest.approx((1, 0, 0))


class TestShadows:
    def test_the_floor_is_dark_where_a_ball_stands_in_the_light(self) -> None:
        middle, radius = (0.0, 0.8, 0.0), 0.4
        shadows = ShadowMap([ball(middle, radius)], LIGHT)
        way = LIGHT.way.astype(float)
        x, z = np.meshgrid(np.linspace(-1.4, 1.4, 40), np.linspace(-1.4, 1.4, 40))
        x, z = x.ravel(), z.ravel()
        # How far the ray from the floor to the lamp passes the ball's middle.
        offset = np.stack([-x, 0.8 - 0 * x, -z])
        passes = np.linalg.norm(offset - (offset * way[:, None]).sum(0) * way[:, None], axis=0)
        key, sky = shadows.on_floor(x.astype(np.float32), z.astype(np.float32))
        assert key[passes < 0.6 * radius].max() < 0.3
        assert key[passes > 1.7 * radius].min() > 0.9
        assert ((sky > 0.3) & (sky <= 1)).all()

    def test_a_ball_shades_another_behind_it(self) -> None:
        far, near = (0.0, 0.5, 0.0), tuple(1.2 * LIGHT.way.astype(float) + (0, 0.5, 0))
        shadows = ShadowMap([ball(far, 0.4), ball((near[0], near[1], near[2]), 0.4)], LIGHT)
        towards = np.asarray(LIGHT.way)[:, None]
        facing = np.asarray(far, np.float32)[:, None] + np.float32(0.4) * towards
        assert shadows.at(facing, towards)[0] == 0
        alone = ShadowMap([ball(far, 0.4)], LIGHT)
        assert alone.at(facing, towards)[0] == 1
        assert alone.at(facing - np.float32(0.8) * towards, -towards)[0] == 0


class TestPatterns:
    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_they_close_around_a_turned_thing(self, pattern: Pattern) -> None:
        material = Material("porcelain", pattern, ((0.9, 0.8, 0.1), (0.1, 0.2, 0.6)))
        rng = np.random.default_rng(1)
        u, v = rng.random(400).astype(np.float32), rng.random(400).astype(np.float32)
        first, again = material.albedo(u, v), material.albedo(u + 1, v)
        # A point just at an edge may round to the other side of it.
        assert (np.abs(first - again).max(0) < 0.02).mean() > 0.97
        assert first.shape == (3, 400)
        assert np.isfinite(first).all()
        assert first.min() > -0.05

    def test_two_colours_show_unless_plain(self) -> None:
        along = np.linspace(0, 2, 90, dtype=np.float32)
        u, v = np.repeat(along, 90), np.tile(along, 90)
        for pattern in PATTERNS:
            red = Material("porcelain", pattern, ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))).albedo(u, v)[0]
            assert red.max() > 0.8
            assert (red.min() < 0.45) == (pattern != "plain")

    def test_tiles_repeat_without_a_seam(self) -> None:
        for tile in (fractal_tile(1.5), cell_tile(40)):
            step = np.abs(np.diff(tile, axis=0)).mean()
            assert np.abs(tile[0] - tile[-1]).mean() < 2.5 * step
            u = np.array([0.25, 1.25, -0.75], np.float32)
            assert len(set(look_up(tile, u, u).tolist())) == 1


class TestTerrain:
    def test_columns_are_filled_from_the_front(self) -> None:
        rng = np.random.default_rng(2)
        rows = rng.uniform(-5, 30, (12, 9)).astype(np.float32)
        found = first_to_cover(rows, (9, 20))
        for column in range(9):
            for row in range(20):
                steps = [i for i in range(12) if rows[i, column] <= row + 0.5]
                assert found[row, column] == (steps[0] if steps else 12)

    AIR = Air(30.0, 20.0, (2.0, 1.9, 1.7), (0.25, 0.4, 0.8), (0.8, 0.85, 0.9), 12.0, 0.3)

    def test_the_sky_is_above_and_looking_up_shows_more_of_it(self) -> None:
        def blue(pitch: float) -> npt.NDArray[np.float32]:
            look = Lookout(3.0, 4.0, 0.3, 30.0, pitch, 1.0)
            light = landscape_light("coast", 5, look, self.AIR, (48, 36)).reshape(3, 36, 48)
            return (light[2] > 1.15 * light[0]).mean(1)

        level, raised = blue(0.0), blue(15.0)
        assert level[:4].mean() > 0.5
        assert raised.sum() > level.sum()

    def test_land_before_the_camera_spoils_the_view(self) -> None:
        views = [
            Lookout(x, z, above, 40.0, 0.0, 1.0)
            for x, z in ((1.0, 2.0), (7.0, 5.0))
            for above in (0.001, 0.5)
        ]
        scores = [outlook("mountains", 3, view) for view in views]
        assert scores[1] > scores[0]
        assert scores[3] >= scores[2]


class TestPhotographs:
    def test_more_light_gives_brighter_tones(self) -> None:
        means = []
        for level in (0.05, 0.3, 1.5, 40.0):
            light = np.full((3, 24 * 32), level, np.float32)
            data = develop(light, (32, 24), (20, 15), Film(noise=0.0, vignette=0.0), 1)
            image = Image.open(io.BytesIO(data))
            assert image.size == (20, 15)
            means.append(np.asarray(image).mean())
        assert means == sorted(means)
        assert means[0] < 90
        assert means[3] > 235

    def test_boxes_are_those_of_what_is_seen(self) -> None:
        backdrop = Backdrop("sweep", GREY, GREY, 2.0)
        bodies = [ball((0.0, 0.4, 0.0), 0.4), ball((0.0, 0.4, -3.0), 0.2), ball((30.0, 0.4, 0.0), 0.4)]
        camera = Camera((0.0, 0.4, 3.0), (0.0, 0.4, 0.0), 1.5, (120, 90))
        taken = photograph(Scene(bodies, backdrop, LIGHT), camera, Film(), 3)
        assert taken.boxes[0] == pytest.approx((35.7, 20.7, 84.3, 69.3), abs=2.0)
        assert taken.boxes[1] is None
        assert taken.boxes[2] is None
        assert Image.open(io.BytesIO(taken.data)).size == (120, 90)
