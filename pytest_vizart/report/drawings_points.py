"""Point clouds as the browser draws them: few numbers, on one grid for all axes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_vizart.records.outcome import Case

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_GRID = 65_535
_MOST_OF_A_PAIR = 12_000  # two clouds side by side, and a distance for each point of one
_FARTHEST_SHARE = 0.99  # of the distances lie on the scale of colours


def points(case: Case) -> dict[str, Any]:
    """Positions, lowest point first, and the class of each on both sides, as base64 of int16."""
    import numpy as np

    order = np.argsort(_xyz(case.truth["xyz_mm"])[:, 2], kind="stable")
    truth, predicted = (_class_column(side, order) for side in (case.truth, case.predicted))
    return drawn_points([case.truth["xyz_mm"]], [order]) | {
        "truth": truth,
        "predicted": predicted,
        "classes": list(case.truth["classes"]),
    }


def cloud(case: Case) -> dict[str, Any]:
    """Both clouds on one grid, and of the predicted one the distances, nearest first: base64 of uint16, mm.

    "scale_mm" is the distance at the end of the scale of colours, "farthest_mm" the largest.
    """
    import numpy as np

    given = [case.truth.get("xyz_mm") or "", case.predicted.get("xyz_mm") or ""]
    orders = [_thinned(len(_xyz(text))) for text in given]
    drawn: dict[str, Any] = {"distance_mm": None, "predicted": bool(case.predicted)}
    if case.predicted.get("distance_mm"):
        distances = np.frombuffer(base64.b64decode(case.predicted["distance_mm"]), "<u2")
        orders[1] = orders[1][np.argsort(distances[orders[1]], kind="stable")]
        drawn |= {
            "distance_mm": base64.b64encode(distances[orders[1]].tobytes()).decode(),
            "scale_mm": float(np.quantile(distances, _FARTHEST_SHARE)),
            "farthest_mm": int(distances.max()),
        }
    return drawn_points(given, orders) | drawn | {"others_count": len(orders[1])}


def drawn_points(texts: Sequence[str], orders: Sequence[NDArray[np.int64]] | None = None) -> dict[str, Any]:
    """Return clouds on one grid: base64 of little-endian uint16 (M, 3) as "xyz", of the second one as "others".

    Args:
        texts: base64 of little-endian int32 (N, 3), millimetres; one or two of them.
        orders: which points of each to take, in which order; all of them, lowest first, if not given.
    """
    import numpy as np

    clouds = [_xyz(text) for text in texts]
    chosen = orders or [np.argsort(xyz[:, 2], kind="stable") for xyz in clouds]
    every = np.concatenate(clouds) if clouds else np.empty((0, 3))
    low = every.min(axis=0) if len(every) else np.zeros(3)
    span = float((every - low).max()) if len(every) else 0.0
    packed = [
        base64.b64encode(np.round((xyz[order] - low) * (_GRID / (span or 1.0))).astype("<u2").tobytes()).decode()
        for xyz, order in zip(clouds, chosen, strict=True)
    ]
    drawn: dict[str, Any] = {
        "xyz": packed[0],
        "low_m": [float(value) / 1000 for value in low],
        "span_m": span / 1000,
        "count": len(chosen[0]),
    }
    return drawn | ({"others": packed[1]} if len(packed) > 1 else {})


def _xyz(text: str) -> NDArray[np.float64]:
    import numpy as np

    return np.frombuffer(base64.b64decode(text), "<i4").reshape(-1, 3).astype(np.float64)


def _thinned(count: int) -> NDArray[np.int64]:
    import numpy as np

    most = min(count, _MOST_OF_A_PAIR)
    return np.arange(most, dtype=np.int64) * count // max(most, 1)


def _class_column(side: dict[str, Any], order: NDArray[np.int64]) -> str | None:
    import numpy as np

    if not side.get("class_index"):
        return None
    column = np.frombuffer(base64.b64decode(side["class_index"]), "<i2")[order]
    return base64.b64encode(column.tobytes()).decode()
