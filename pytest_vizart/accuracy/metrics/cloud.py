"""Point clouds: chamfer distance, distance error per point, F-score.

Distances are Euclidean, in metres, not squared, from each point to the nearest of the other cloud. chamfer: the mean
distance from predicted to true points and that from true to predicted ones, averaged. hausdorff: the largest distance
in either direction. distance_mean, distance_p95, distance_max: of the predicted points. precision, recall: the share of
predicted, of true points that have a point of the other cloud within `distance_m`; fscore their harmonic mean
(Knapitsch et al., "Tanks and Temples", 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.regions import worst_places
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.drawn_points import distances_mm, places_mm, spread
from pytest_vizart.accuracy.metrics.running import RunningFigures, over_all
from pytest_vizart.accuracy.predicted import CloudPrediction
from pytest_vizart.accuracy.wording import counted
from pytest_vizart.records.labels import CloudLabel, LabelSpec
from pytest_vizart.records.outcome import ErrorItem
from pytest_vizart.records.score import MetricInfo

DEFAULT_DISTANCE_M = 0.1
_DISTANCES = ("chamfer", "hausdorff", "distance_mean", "distance_p95", "distance_max")
_SHARES = ("fscore", "precision", "recall")
_LARGEST = ("hausdorff", "distance_max")
_ORDER_CELLS = 64  # along the longest side of a cloud
_LEAF = 16  # points in a leaf of the tree
_FAR_M = 1e12  # coordinates beyond it are no places; their squares would not be finite

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CloudTally:
    """One sample. left_out: predicted points without finite coordinates. missing: nothing was predicted."""

    comparison: Comparison
    left_out: int = 0
    missing: bool = False


class CloudMetric:
    """A sample is correct when its chamfer distance is at most the tolerance `distance_m`, 0.1 m where none is given.

    Two clouds without a point are equal; where only one has none, the sample is wrong and has no distance. Points
    without finite coordinates are none. Measures: the metrics, infinite where there is no distance; points, left_out.
    Severity: the share of points that are farther away than the tolerance.
    """

    headline = "chamfer"
    info: Mapping[str, MetricInfo] = {name: MetricInfo("lower", "m") for name in _DISTANCES}

    def tally(self, truth: CloudLabel, prediction: CloudPrediction | None, spec: LabelSpec) -> CloudTally:
        """Compare the clouds."""
        if prediction is None:
            measures = dict.fromkeys(_DISTANCES, float("inf")) | dict.fromkeys(_SHARES, 0.0)
            missing = Comparison("wrong", "no-prediction", 0.0, "nothing was predicted", measures)
            return CloudTally(missing, missing=True)
        comparison = compare_clouds(truth.xyz, prediction.xyz, spec.tolerances)
        return CloudTally(comparison, int(comparison.measures["left_out"]))

    def judge(self, tally: CloudTally, spec: LabelSpec) -> Comparison:
        """Return the outcome; its errors are `difference` and the places with the most points too far away."""
        return tally.comparison

    def summarise(self, tallies: Sequence[CloudTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return means over the samples; of hausdorff and distance_max the largest.

        Samples without a distance (no prediction, or an empty cloud) are left out of the distances, which a note tells,
        and count as 0 in fscore, precision and recall.
        """
        return Summary(over_all(self.running(spec), tallies), notes=_notes(tallies))

    def running(self, spec: LabelSpec) -> RunningFigures:
        """Return empty running metrics: all of them."""
        means = tuple(name for name in (*_DISTANCES, *_SHARES) if name not in _LARGEST)
        return RunningFigures(_known, means, _LARGEST)

    def picture(
        self,
        truth: CloudLabel,
        prediction: CloudPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case; without a true point the predicted ones have no distance."""
        expected = placed(truth.xyz)
        chosen = expected[spread(len(expected))]
        drawn = {"xyz_mm": places_mm(chosen), "count": len(chosen)}
        if prediction is None:
            return drawn, {}
        found = placed(prediction.xyz)
        found = found[spread(len(found))]
        predicted = {"xyz_mm": places_mm(found), "count": len(found)}
        if len(expected):
            predicted["distance_mm"] = distances_mm(nearest_m(found, expected))
        return drawn, predicted

    def digest(self, prediction: CloudPrediction) -> str:
        """Of the coordinates."""
        return digest_arrays(prediction.xyz)


def compare_clouds(expected: Points, found: Points, tolerances: Mapping[str, float]) -> Comparison:
    """Compare two clouds, (N, 3) and (M, 3) metres; `tolerances` may hold "distance_m"."""
    limit = tolerances.get("distance_m", DEFAULT_DISTANCE_M)
    true, predicted = placed(expected), placed(found)
    counts = {"points": float(len(predicted)), "left_out": float(len(found) - len(predicted))}
    if not len(true) or not len(predicted):
        return _compared_empty(len(true), len(predicted), counts)
    to_true, to_predicted = nearest_m(predicted, true), nearest_m(true, predicted)
    measures = _measures(to_true, to_predicted, limit) | counts
    score = measures["fscore"]
    if measures["chamfer"] <= limit:
        return Comparison("correct", score=score, measures=measures)
    reason = (
        f"chamfer distance {measures['chamfer']:.4g} m, above {limit:g} m; "
        f"{1 - measures['precision']:.1%} of the predicted, {1 - measures['recall']:.1%} of the true points are farther"
    )
    severity = 1 - min(measures["precision"], measures["recall"])
    regions = [
        *_regions(predicted, to_true, limit, "predicted points are up to {:.4g} m from any true one"),
        *_regions(true, to_predicted, limit, "true points are up to {:.4g} m from any predicted one"),
    ]
    errors = (
        ErrorItem("difference", severity, note=reason), *sorted(regions, key=lambda item: -item.severity)
    )  # fmt: skip
    return Comparison("wrong", "difference", score, reason, measures, errors)


def _compared_empty(true: int, predicted: int, counts: dict[str, float]) -> Comparison:
    if not true and not predicted:
        measures = dict.fromkeys(_DISTANCES, 0.0) | dict.fromkeys(_SHARES, 1.0) | counts
        return Comparison("correct", score=1.0, measures=measures)
    measures = dict.fromkeys(_DISTANCES, float("inf")) | dict.fromkeys(_SHARES, 0.0) | counts
    reason = f"{predicted:,} points predicted, {true:,} expected"
    return Comparison("wrong", "shape", 0.0, reason, measures, (ErrorItem("shape", 1.0, note=reason),))


def placed(xyz: NDArray[np.floating[Any]]) -> Points:
    """Return the points that have a place, as float64."""
    points = xyz.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore"):
        return points[(np.abs(points) < _FAR_M).all(axis=1)]


def nearest_m(points: Points, others: Points) -> Points:
    """Return (N,) distances from each point to the nearest of the others, of which there is at least one."""
    from scipy.spatial import cKDTree  # comes with scikit-learn

    if not len(points):
        return np.empty(0)
    (points, back), (others, _) = _distinct(points), _distinct(others)
    # Neighbours asked for one after the other find the tree in the cache: three times faster than in random order.
    edge = float(np.ptp(points, axis=0).max()) / _ORDER_CELLS or 1.0
    order = np.lexsort(tuple((points // edge).T))
    distances = np.empty(len(points))
    # A tree of median cuts takes long to build where coordinates repeat, as they do on a grid.
    distances[order] = cKDTree(others, leafsize=_LEAF, balanced_tree=False).query(points[order])[0]
    return distances if back is None else distances[back]


def _distinct(points: Points) -> tuple[Points, NDArray[np.intp] | None]:
    """Return (M, 3) points and (N,) which of them each point is; the points and None where none fills a leaf.

    Copies of one point cannot be split: they are one leaf of the tree, each query of which looks at them all.
    """
    digests = _digests(points)
    ordered = np.sort(digests)
    if not (ordered[_LEAF:] == ordered[:-_LEAF]).any():
        return points, None
    _, first, back = np.unique(digests, return_index=True, return_inverse=True)
    if not np.array_equal(points[first][back], points):  # two points with one digest
        _, first, back = np.unique(points, axis=0, return_index=True, return_inverse=True)
    return points[first], back.reshape(-1)


def _digests(points: Points) -> NDArray[np.uint64]:
    """Return (N,) numbers, equal for equal points: sorted twenty times faster than rows."""
    bits = np.ascontiguousarray(points + 0.0).view(np.uint64)  # -0 becomes 0
    digests = np.zeros(len(points), dtype=np.uint64)
    for column in bits.T:
        # Coordinates on a grid differ in their high bits only: these are carried down before they are multiplied.
        digests ^= column
        digests ^= digests >> np.uint64(32)
        digests *= np.uint64(0x9E3779B97F4A7C15)
        digests ^= digests >> np.uint64(29)
    return digests


def _measures(to_true: Points, to_predicted: Points, limit: float) -> dict[str, float]:
    precision, recall = float(np.mean(to_true <= limit)), float(np.mean(to_predicted <= limit))
    return {
        "chamfer": float(to_true.mean() + to_predicted.mean()) / 2,
        "hausdorff": float(max(to_true.max(), to_predicted.max())),
        "distance_mean": float(to_true.mean()),
        "distance_p95": float(np.percentile(to_true, 95)),
        "distance_max": float(to_true.max()),
        "fscore": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "precision": precision,
        "recall": recall,
    }


def _regions(points: Points, distances: Points, limit: float, told: str) -> list[ErrorItem]:
    return [
        ErrorItem(
            "region",
            len(place.points) / len(points),
            box=place.box,
            note=f"{len(place.points):,} {told.format(float(distances[place.points].max()))}",
        )
        for place in worst_places(points, distances > limit)
    ]


def _known(tally: CloudTally) -> dict[str, float | None]:
    measures = tally.comparison.measures
    return {name: value if np.isfinite(value) else None for name, value in measures.items()}


def _notes(tallies: Sequence[CloudTally]) -> tuple[str, ...]:
    notes = []
    if empty := sum(not np.isfinite(tally.comparison.measures["chamfer"]) for tally in tallies):
        told = f"{counted(empty, 'sample')} {'has' if empty == 1 else 'have'} no distance"
        notes.append(f"{told} (no prediction, or an empty cloud): 0 in fscore, else left out")
    if left_out := sum(tally.left_out for tally in tallies):
        notes.append(f"without finite coordinates, and left out: {counted(left_out, 'predicted point')}")
    return tuple(notes)
