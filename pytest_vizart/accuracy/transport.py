"""Predictions as plain JSON data and back: how they travel between processes. No pickle."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from pytest_vizart.accuracy import predicted
from pytest_vizart.accuracy.predicted import Prediction

_FORMS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in vars(predicted).values() if isinstance(kind, type) and is_dataclass(kind)
}


def plain(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as dicts, lists, numbers and text; arrays and bytes as base64."""
    return _plain_record(prediction)


def prediction_of(data: Mapping[str, Any]) -> Prediction:
    """Return the prediction that `plain` wrote. Raises KeyError, TypeError or ValueError if it did not."""
    prediction: Prediction = _back(data)
    return prediction


def _plain_record(record: Any) -> dict[str, Any]:
    values = {item.name: _plain(getattr(record, item.name)) for item in fields(record)}
    return {"form": type(record).__name__, "values": values}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "shape": list(value.shape), "data": _text(value.tobytes())}
    if isinstance(value, bytes):
        return {"bytes": _text(value)}
    if isinstance(value, Mapping):
        return {"mapping": {name: _plain(one) for name, one in value.items()}}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return _plain_record(value) if is_dataclass(value) else value


def _back(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_back(one) for one in value)
    if not isinstance(value, Mapping):
        return value
    if "form" in value:
        return _FORMS[value["form"]](**{name: _back(one) for name, one in value["values"].items()})
    if "mapping" in value:
        return {name: _back(one) for name, one in value["mapping"].items()}
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    array = np.frombuffer(base64.b64decode(value["data"]), dtype=np.dtype(value["dtype"]))
    return array.reshape(value["shape"])


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
