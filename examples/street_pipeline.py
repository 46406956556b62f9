"""Tells objects from the ground in a lidar cloud. Knows nothing of tests or labels.

Stages: decode, remove_ground, cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

GROUND, OBJECT = 0, 1
SEED = 7
PLANE_TRIALS = 60
TRIAL_POINTS = 1500
NEAR_PLANE_M = 0.15
STEEPEST = 0.2  # metres of rise a metre: a steeper plane is a wall, not the ground
GROUND_HEIGHT_M = 0.25
CELL_M = 0.5
LEAST_POINTS = 3
NUMPY_TYPES = {"float": "f4", "double": "f8", "uchar": "u1", "char": "i1", "ushort": "u2", "short": "i2", "int": "i4"}


@dataclass(frozen=True, slots=True)
class Scene:
    """points: (N, 3) float64, metres. labels: (N,) int64, GROUND or OBJECT; all GROUND before anything is known."""

    points: NDArray[np.float64]
    labels: NDArray[np.int64]


def decode(path: str | Path) -> Scene:
    """Return the points of a little-endian binary PLY; whatever else it says of them is not looked at."""
    header, body = Path(path).read_bytes().split(b"end_header\n", 1)
    lines = [line.split() for line in header.decode("ascii").splitlines()]
    count = next(int(line[2]) for line in lines if line[:2] == ["element", "vertex"])
    fields = [(line[2], "<" + NUMPY_TYPES[line[1]]) for line in lines if line[0] == "property"]
    table = np.frombuffer(body, dtype=np.dtype(fields), count=count)
    points = np.stack([table[axis] for axis in "xyz"], axis=1).astype(np.float64)
    return Scene(points, np.zeros(count, dtype=np.int64))


def remove_ground(scene: Scene) -> Scene:
    """Label every point above the plane that most of the lower points lie on (RANSAC: Fischler and Bolles, 1981)."""
    random = np.random.default_rng(SEED)
    points = scene.points
    low = points[points[:, 2] <= np.median(points[:, 2])]
    some = low[random.choice(len(low), min(TRIAL_POINTS, len(low)), replace=False)]
    trials = (_plane_through(some[random.choice(len(some), 3, replace=False)]) for _ in range(PLANE_TRIALS))
    best = max(trials, key=lambda plane: _support(some, plane))
    plane = _plane_through(points[np.abs(_height(points, best)) < NEAR_PLANE_M])
    return replace(scene, labels=np.where(_height(points, plane) > GROUND_HEIGHT_M, OBJECT, GROUND))


def cluster(scene: Scene) -> Scene:
    """Keep the clusters of object points that are large enough, seen from above; the rest was noise of the ground."""
    standing = np.flatnonzero(scene.labels == OBJECT)
    if not standing.size:
        return scene
    cells = np.floor(scene.points[standing, :2] / CELL_M).astype(np.int64)
    cells -= cells.min(axis=0)
    occupied = np.zeros(cells.max(axis=0) + 1, dtype=np.bool_)
    occupied[cells[:, 0], cells[:, 1]] = True
    numbers, _ = ndimage.label(occupied, structure=np.ones((3, 3)))
    cluster_of_point = numbers[cells[:, 0], cells[:, 1]]
    too_small = np.bincount(cluster_of_point)[cluster_of_point] < LEAST_POINTS
    labels = scene.labels.copy()
    labels[standing[too_small]] = GROUND
    return replace(scene, labels=labels)


def _support(points: NDArray[np.float64], plane: NDArray[np.float64]) -> int:
    if np.hypot(plane[0], plane[1]) > STEEPEST:
        return 0
    return int(np.count_nonzero(np.abs(_height(points, plane)) < NEAR_PLANE_M))


def _plane_through(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (a, b, c) of z = a x + b y + c, least squares, by the normal equations of three unknowns."""
    rows = np.column_stack([points[:, :2], np.ones(len(points))])
    # A hair on the diagonal keeps three points in one vertical plane from being an error.
    solution = np.linalg.solve(rows.T @ rows + 1e-9 * np.eye(3), rows.T @ points[:, 2])
    return np.asarray(solution, dtype=np.float64)


def _height(points: NDArray[np.float64], plane: NDArray[np.float64]) -> NDArray[np.float64]:
    above = points[:, 2] - (plane[0] * points[:, 0] + plane[1] * points[:, 1] + plane[2])
    return np.asarray(above, dtype=np.float64)
