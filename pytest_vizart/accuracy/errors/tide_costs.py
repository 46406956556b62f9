"""What the errors of each kind cost: TIDE's delta AP (Bolya et al., ECCV 2020, section 2.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.averages import mean_of_known
from pytest_vizart.accuracy.detection.curves import RECALL_POINTS, average_precision
from pytest_vizart.accuracy.detection.tally import Pool
from pytest_vizart.accuracy.errors.tide import NAMES, Kind
from pytest_vizart.records.outcome import ErrorKind


@dataclass(frozen=True, slots=True)
class TideCosts:
    """base_ap: average precision of the predictions at the score threshold or above, 0 to 1; None without objects.

    counts, costs: by kind. A cost is by how much the average precision rises when the errors of that kind alone are
    mended; never below 0.
    """

    base_ap: float | None
    counts: Mapping[ErrorKind, int]
    costs: Mapping[ErrorKind, float]


def tide_costs(pool: Pool, score_threshold: float, recall_points: NDArray[np.float64] = RECALL_POINTS) -> TideCosts:
    """Return what each kind of error costs, each mended alone, against the same base.

    A mended Cls or Loc counts as right with its own score, as a prediction of its object's class, if the object is free
    and no better-scored one claims it, and is dropped otherwise. Both, Dupe and Bkg are dropped. For Miss the missed
    objects are taken out of the recall, as if the model were as precise on them as on the others; a class of which
    nothing is left then, neither object nor prediction, leaves the mean.

    The base is the mean, over the classes that have objects, of COCO's 101-point average precision at the similarity at
    which predictions meet objects. It is lower than AP50, since predictions under the threshold are left out, and
    knows no limit of 100 detections. TIDE's own library counts classes without objects too, as 0.
    """
    kept = pool.scores >= score_threshold
    columns = ("scores", "class_index", "hit", "kind", "mended", "target_class")
    by_class = _ByClass(replace(pool, **{name: getattr(pool, name)[kept] for name in columns}), recall_points)
    counts: dict[ErrorKind, int] = {
        name: int(pool.missed.sum() if kind is Kind.MISS else np.count_nonzero(pool.kind == kind))
        for kind, name in NAMES.items()
    }
    base = mean_of_known(by_class.base.values())
    if base is None:
        return TideCosts(None, counts, dict.fromkeys(counts, 0.0))
    costs: dict[ErrorKind, float] = {}
    for kind, name in NAMES.items():
        mended = mean_of_known(by_class.without(kind).values())
        # Everything was missed and nothing predicted: without the misses nothing is left that is wrong.
        costs[name] = max(0.0, (1.0 if mended is None else mended) - base)
    return TideCosts(base, counts, costs)


_ClassAp = dict[int, float | None]


class _ByClass:
    """Average precision of each class that has objects; mending a kind changes those in which it occurs."""

    def __init__(self, pool: Pool, recall_points: NDArray[np.float64]) -> None:
        self._pool = pool
        self._recall_points = recall_points
        self._order = np.argsort(-pool.scores, kind="stable")
        everything = np.ones(len(pool.scores), dtype=bool)
        classes = np.flatnonzero(pool.objects)
        self.base: _ClassAp = dict(self._aps(pool.hit, pool.class_index, everything, pool.objects, classes))

    def without(self, kind: Kind) -> _ClassAp:
        """Return the average precisions if the errors of one kind were mended, None where nothing is left."""
        pool = self._pool
        rows = pool.kind == kind
        right = rows & pool.mended
        objects = pool.objects - pool.missed if kind is Kind.MISS else pool.objects
        touched = pool.missed > 0 if kind is Kind.MISS else np.zeros(len(objects), dtype=bool)
        touched[pool.class_index[rows]] = True
        touched[pool.target_class[right]] = True
        class_index = np.where(right, pool.target_class, pool.class_index)
        classes = np.flatnonzero(touched & (pool.objects > 0))
        return self.base | dict(self._aps(pool.hit | right, class_index, ~rows | right, objects, classes))

    def _aps(
        self,
        hit: NDArray[np.bool_],
        class_index: NDArray[np.int64],
        kept: NDArray[np.bool_],
        objects: NDArray[np.int64],
        classes: NDArray[np.int64],
    ) -> Iterator[tuple[int, float | None]]:
        order = self._order[kept[self._order]]
        by_class = order[np.argsort(class_index[order], kind="stable")]
        ordered_class = class_index[by_class]
        starts = np.searchsorted(ordered_class, classes, side="left")
        ends = np.searchsorted(ordered_class, classes, side="right")
        for index, start, end in zip(classes.tolist(), starts, ends, strict=True):
            if objects[index]:
                yield index, average_precision(hit[by_class[start:end]], int(objects[index]), self._recall_points)
            else:
                yield index, 0.0 if end > start else None
