"""How what is seen takes the light: diffuse, in shadow, and in reflections of lamp, ceiling and floor."""

from collections.abc import Sequence

import numpy as np

from zuroku.datasets.sample.photos.rendering.bodies import Body, Light
from zuroku.datasets.sample.photos.rendering.camera import Camera
from zuroku.datasets.sample.photos.rendering.materials import STUFFS
from zuroku.datasets.sample.photos.rendering.shadows import ShadowMap
from zuroku.datasets.sample.photos.rendering.sight import Seen
from zuroku.datasets.sample.photos.rendering.textures import Array, fractal_tile, look_up


def shade(camera: Camera, bodies: Sequence[Body], seen: Seen, light: Light, shadows: ShadowMap) -> Array:
    """Return the light ``(3, m)`` that the seen points send to the camera."""
    albedo = np.empty_like(seen.points)
    normals = seen.normals.copy()
    gloss, blur, metal = (np.empty(len(seen.pixels), np.float32) for _ in range(3))
    for number, body in enumerate(bodies):
        of_body = seen.bodies == number
        for number_of_part, material in enumerate(body.materials):
            own = np.flatnonzero(of_body & (seen.parts == number_of_part))
            if len(own) == 0:
                continue
            stuff = STUFFS[material.stuff]
            u, v = seen.coords[:, own]
            albedo[:, own] = material.albedo(u, v)
            normals[:, own] = _bumped(normals[:, own], u, v, stuff.bump, stuff.bump_frequency)
            gloss[own], blur[own], metal[own] = stuff.gloss, stuff.blur, float(stuff.metal)
    view = np.asarray(camera.eye, np.float32)[:, None] - seen.points
    view /= np.sqrt((view * view).sum(0))
    lit = shadows.at(seen.points, normals)
    return _sent(normals, view, albedo, (gloss, blur, metal), light, lit)


def _bumped(normals: Array, u: Array, v: Array, strength: float, frequency: float) -> Array:
    """Tilt ``normals`` at random, as the roughness of a stuff does."""
    tilt_u = np.float32(strength) * look_up(fractal_tile(1.0, 7), u, v, frequency)
    tilt_v = np.float32(strength) * look_up(fractal_tile(1.0, 8), u, v, frequency)
    n_x, n_y, n_z = normals
    # Two directions along the surface: level, and up the slope.
    level = np.sqrt(n_x * n_x + n_z * n_z) + np.float32(1e-4)
    a_x, a_z = n_z / level, -n_x / level
    tilted = np.stack(
        [
            n_x + tilt_u * a_x + tilt_v * n_y * a_z,
            n_y + tilt_v * level,
            n_z + tilt_u * a_z - tilt_v * n_y * a_x,
        ]
    )
    return np.asarray(tilted / np.sqrt((tilted * tilted).sum(0)))


def _sent(
    normals: Array, view: Array, albedo: Array, stuff: tuple[Array, Array, Array], light: Light, lit: Array
) -> Array:
    """Return diffuse light and reflections: of the lamp as a window, of the ceiling, and of the floor."""
    gloss, blur, metal = stuff
    way = light.way
    key, above, below = (np.asarray(c, np.float32)[:, None] for c in (light.key, light.above, light.below))
    wrap = np.float32(0.25 * light.size)
    direct = np.clip((normals * way[:, None]).sum(0) + wrap, 0, None) / (1 + wrap) * lit
    upward = np.float32(0.5) + np.float32(0.5) * normals[1]
    sky = below + (above - below) * upward
    diffuse = albedo * (key * direct + sky * (np.float32(0.6) + np.float32(0.4) * lit))
    facing = np.clip((normals * view).sum(0), 0, 1)
    mirrored = 2 * facing * normals - view
    fresnel = np.float32(0.05) + np.float32(0.95) * (1 - facing) ** 5
    lamp = _lamp(mirrored, way, blur, light.size) * lit
    ceiling = np.clip((mirrored[1] + np.float32(0.25)) / (np.float32(0.15) + blur), 0, 1)
    room = key * (np.float32(22) * lamp / (1 + np.float32(12) * blur)) + below + (above - below) * ceiling
    glaze = gloss * fresnel * (1 - blur * np.float32(0.6))
    mirror = gloss * metal
    return np.asarray(
        diffuse * (1 - mirror * np.float32(0.85)) + room * (glaze + mirror * albedo * np.float32(0.75))
    )


def _lamp(mirrored: Array, way: Array, blur: Array, size: float) -> Array:
    """Return how much of the lamp each mirrored ray meets: a window of four panes, blurred on dull stuff."""
    side = np.cross(way, (0.0, 1.0, 0.0)).astype(np.float32)
    side /= np.sqrt((side * side).sum())
    rise = np.cross(side, way).astype(np.float32)
    ahead = (mirrored * way[:, None]).sum(0)
    across = np.abs((mirrored * side[:, None]).sum(0))
    upward = np.abs((mirrored * rise[:, None]).sum(0))
    half, edge = np.float32(0.12 + 0.3 * size), np.float32(0.02) + np.float32(0.5) * blur
    pane = np.clip((half - across) / edge + np.float32(0.5), 0, 1)
    pane *= np.clip((np.float32(1.3) * half - upward) / edge + np.float32(0.5), 0, 1)
    bar = np.clip((np.minimum(across, upward) - np.float32(0.02)) / edge + np.float32(0.5), 0, 1)
    return np.asarray(pane * (np.float32(0.35) + np.float32(0.65) * bar) * (ahead > 0))
