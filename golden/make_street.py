"""Makes golden/street: point clouds of a simulated lidar that stands in a street, every point labelled.

    python golden/make_street.py [--output DIR]

Needs numpy. Metres; x runs along the street, y across it, z up; the lidar is the origin.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Distances = Callable[[Floats], Floats]
"""From (N, 3) unit vectors of rays to the (N,) distances at which they hit; infinite where they miss."""

SEED = 20240607
CLOUDS = 16
RINGS_DEG = np.linspace(-24.0, 6.0, 26)
RAYS_A_RING = 440
RANGE_M = 60.0
LIDAR_HEIGHT_M = 1.8
KERB_M = 0.12
ROAD_HALF_WIDTH_M = 4.5
RANGE_NOISE_M = 0.02
DROPOUT = 0.04
SPECKLE = 0.02
"""Share of the rays to the ground that wet patches throw back early: points that hang in the air, alone."""
GRID_M = 0.001  # coordinates are rounded to millimetres, so that the last bit of a sine is the same everywhere

GROUND, OBJECT = 0, 1
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("label", "u1")])


@dataclass(frozen=True, slots=True)
class Surface:
    """Something that rays hit. reflectivity: 0..1. label: GROUND or OBJECT."""

    distances: Distances
    reflectivity: float
    label: int


def plane(height_m: float, slope_x: float, slope_y: float, sideways_m: tuple[float, float]) -> Distances:
    """Return the plane z = height + slope_x x + slope_y y where |y| lies in `sideways_m`."""

    def distances(rays: Floats) -> Floats:
        falling = rays[:, 2] - slope_x * rays[:, 0] - slope_y * rays[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = height_m / falling
            sideways = np.abs(distance * rays[:, 1])
        hit = (distance > 0) & (sideways >= sideways_m[0]) & (sideways < sideways_m[1])
        return np.where(hit, distance, np.inf)

    return distances


def box(centre: tuple[float, float, float], size: tuple[float, float, float], yaw_deg: float) -> Distances:
    """Return a box that stands upright, turned about z (slab method: Kay and Kajiya, 1986)."""
    cos, sin = np.cos(np.deg2rad(yaw_deg)), np.sin(np.deg2rad(yaw_deg))
    to_box = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    start = -(to_box @ np.array(centre))
    half = np.array(size) / 2

    def distances(rays: Floats) -> Floats:
        turned = rays @ to_box.T
        with np.errstate(divide="ignore"):
            one, other = (-half - start) / turned, (half - start) / turned
        enter, leave = np.minimum(one, other).max(axis=1), np.maximum(one, other).min(axis=1)
        return np.where((enter <= leave) & (enter > 0), enter, np.inf)

    return distances


def cylinder(x: float, y: float, bottom_m: float, height_m: float, radius_m: float) -> Distances:
    """Return the side of an upright cylinder: a pole, or a person."""

    def distances(rays: Floats) -> Floats:
        flat = rays[:, 0] ** 2 + rays[:, 1] ** 2
        along = rays[:, 0] * x + rays[:, 1] * y
        inside = along**2 - flat * (x * x + y * y - radius_m**2)
        distance = (along - np.sqrt(np.maximum(inside, 0.0))) / flat
        level = distance * rays[:, 2]
        hit = (inside > 0) & (distance > 0) & (level >= bottom_m) & (level <= bottom_m + height_m)
        return np.where(hit, distance, np.inf)

    return distances


def street(random: np.random.Generator) -> list[Surface]:
    """Return the surfaces of one street: road, pavements, walls, cars, poles, people."""
    slope_x, slope_y = random.uniform(-0.02, 0.02), random.uniform(-0.01, 0.01)

    def ground(x: float, y: float) -> float:
        kerb = KERB_M if abs(y) >= ROAD_HALF_WIDTH_M else 0.0
        return float(-LIDAR_HEIGHT_M + slope_x * x + slope_y * y + kerb)

    surfaces = [
        Surface(plane(-LIDAR_HEIGHT_M, slope_x, slope_y, (0.0, ROAD_HALF_WIDTH_M)), 0.25, GROUND),
        Surface(plane(-LIDAR_HEIGHT_M + KERB_M, slope_x, slope_y, (ROAD_HALF_WIDTH_M, 40.0)), 0.4, GROUND),
    ]
    for side in (-1, 1):
        wall_y = side * random.uniform(8.0, 13.0)
        for start in np.arange(-45.0, 45.0, 18.0):
            if random.random() < 0.75:
                middle, height = float(start) + 8.0, random.uniform(2.0, 7.0)
                centre = (middle, wall_y, ground(middle, wall_y) - 0.5 + height / 2)
                surfaces.append(Surface(box(centre, (15.0, 0.3, height), 0.0), 0.6, OBJECT))
        for x in np.arange(-30.0, 31.0, 15.0) + random.uniform(-3.0, 3.0):
            y = side * (ROAD_HALF_WIDTH_M + 0.6)
            surfaces.append(Surface(cylinder(float(x), y, ground(x, y), 6.0, 0.12), 0.7, OBJECT))
        for parked in random.permutation(8)[: random.integers(2, 6)]:
            x, y = 6.5 * float(parked) - 22.0 + random.uniform(-0.7, 0.7), side * random.uniform(2.7, 3.4)
            surfaces += car(x, y, random.normal(0.0, 3.0), ground)
    for _ in range(random.integers(2, 7)):
        x, y = random.uniform(-18.0, 18.0), random.choice([-1, 1]) * random.uniform(4.8, 7.5)
        surfaces.append(Surface(cylinder(x, y, ground(x, y), random.uniform(1.5, 1.9), 0.28), 0.5, OBJECT))
    return surfaces


def car(x: float, y: float, yaw_deg: float, ground: Callable[[float, float], float]) -> list[Surface]:
    """Return a car's body and cabin; the body hangs 20 cm above the ground."""
    floor = ground(x, y)
    body = box((x, y, floor + 0.55), (4.4, 1.8, 0.7), yaw_deg)
    cabin = box((x, y, floor + 1.2), (2.4, 1.6, 0.6), yaw_deg)
    return [Surface(body, 0.8, OBJECT), Surface(cabin, 0.3, OBJECT)]


def scan(surfaces: list[Surface], random: np.random.Generator) -> NDArray[np.void]:
    """Return the points of one turn of the lidar as POINT records: the nearest hit of every ray, with noise."""
    azimuth, elevation = np.meshgrid(np.linspace(-np.pi, np.pi, RAYS_A_RING, endpoint=False), np.deg2rad(RINGS_DEG))
    level = np.cos(elevation)
    rays = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=-1).reshape(-1, 3)
    hits = np.stack([surface.distances(rays) for surface in surfaces])
    nearest, distance = hits.argmin(axis=0), hits.min(axis=0)
    labels = np.array([surface.label for surface in surfaces], dtype=np.uint8)[nearest]
    measured = distance + random.normal(0.0, RANGE_NOISE_M, distance.shape)
    early = (labels == GROUND) & (random.random(distance.shape) < SPECKLE)
    measured *= np.where(early, random.uniform(0.6, 0.95, distance.shape), 1.0)
    reflectivity = np.array([surface.reflectivity for surface in surfaces])[nearest]
    with np.errstate(invalid="ignore", over="ignore"):
        intensity = reflectivity * np.exp(-distance / RANGE_M) + random.normal(0.0, 0.02, distance.shape)
        seen = (distance < RANGE_M) & (random.random(distance.shape) >= DROPOUT)
    cloud = np.zeros(int(seen.sum()), dtype=POINT)
    places = np.rint(rays[seen] * measured[seen, np.newaxis] / GRID_M) * GRID_M
    cloud["x"], cloud["y"], cloud["z"] = places.T
    cloud["intensity"] = np.rint(np.clip(intensity[seen], 0.0, 1.0) * 255) / 255
    cloud["label"] = labels[seen]
    return cloud


def write_ply(path: Path, cloud: NDArray[np.void]) -> None:
    """Write POINT records as a little-endian binary PLY."""
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(cloud)}"]
    header += [f"property float {name}" for name in ("x", "y", "z", "intensity")]
    header += ["property uchar label", "end_header", ""]
    path.write_bytes("\n".join(header).encode("ascii") + cloud.tobytes())


def make(output: Path) -> None:
    """Write clouds/street_NN.ply into `output`."""
    clouds_folder = output / "clouds"
    clouds_folder.mkdir(parents=True, exist_ok=True)
    for number in range(CLOUDS):
        random = np.random.default_rng([SEED, number])
        write_ply(clouds_folder / f"street_{number:02d}.ply", scan(street(random), random))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "street", help="default: golden/street")
    make(parser.parse_args().output)
