"""numpy arrays: plain ones, with fields (point clouds among them), of objects, masked."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.profiling.recording.summaries.containers import tokens_of
from pytest_vizart.profiling.recording.summaries.elements import Contents, read_elements
from pytest_vizart.profiling.recording.summaries.forms import Form
from pytest_vizart.profiling.recording.summaries.walk import Description, Walk, sealed

Array = NDArray[Any]
_SHOWN_FIELDS = 8


def describe_array(value: Array, walk: Walk) -> Description:
    """Describe an array; subclasses as the array that they are."""
    array = np.asarray(value)
    if array.dtype.names is not None:
        return _with_fields(array, walk)
    if array.dtype.hasobject or array.dtype.kind == "T":
        return _of_objects(array, walk)
    return describe_elements(array, _dtype_name(array.dtype), walk)


def describe_elements(
    array: Array, dtype: str, walk: Walk, *, kind: str = "array", form: Form | None = None
) -> Description:
    """Describe an array of plain elements; `dtype` is the name that its elements go by."""
    return told(read_elements(array, form), array.shape, dtype, array.nbytes, walk, kind=kind)


def told(
    contents: Contents, shape: tuple[int, ...], dtype: str, size_bytes: int, walk: Walk, *, kind: str = "array"
) -> Description:
    """Return the description of elements that were read. An array and a tensor of equal elements share their token."""
    if not contents.whole:
        walk.notes["of so much, only a sample is read"] = None
    return Description(
        kind,
        sealed("array", dtype.encode(), repr(shape).encode(), contents.digest),
        f"{dtype} {shape}{_range_text(contents, dtype)}",
        shape=shape,
        dtype=dtype,
        size_bytes=size_bytes,
        low=contents.low,
        high=contents.high,
        mean=contents.mean,
        invalid=contents.invalid,
    )


def describe_scalar(value: Any, walk: Walk) -> Description:
    """Describe a numpy scalar: the Python number of the same value, or an array of one element."""
    number = value.item() if value.dtype.kind in "biufc" and value.dtype.itemsize <= 16 else None
    if type(number) in (bool, int, float, complex):
        return walk.describe(number)._replace(dtype=value.dtype.name)
    return describe_array(np.asarray(value), walk)


def describe_masked(value: Any, walk: Walk) -> Description:
    """Describe a masked array: what lies under the mask makes no difference."""
    mask = np.ma.getmaskarray(value)
    data = np.ma.getdata(value)
    if data.dtype.names is not None or data.dtype.hasobject:
        raise TypeError("masks of fields and objects are not read")
    shown = describe_elements(np.where(mask, np.zeros((), data.dtype), data), data.dtype.name, walk)
    contents = read_elements(data[~mask])
    text = f"{shown.dtype} {shown.shape}, {int(mask.sum()):,} masked{_range_text(contents, data.dtype.name)}"
    return shown._replace(
        token=sealed("masked", shown.token, read_elements(mask).digest),
        text=text,
        low=contents.low,
        high=contents.high,
        mean=contents.mean,
        invalid=contents.invalid,
    )


def _with_fields(array: Array, walk: Walk) -> Description:
    names = array.dtype.names or ()
    fields = {name: walk.nested(array[name]) for name in names}
    points = {"x", "y", "z"} <= set(names)
    dtype = ",".join(f"{name}:{field.dtype}" for name, field in fields.items())
    if points:
        axes = (f"{axis} {_number(fields[axis].low)} .. {_number(fields[axis].high)}" for axis in "xyz")
        text = f"{array.size:,} points, {', '.join(axes)}"
    else:
        text = f"fields {_listed(names)}, shape {array.shape}"
    return Description(
        "points" if points else "array",
        sealed("fields", repr(array.shape).encode(), dtype.encode(), *(field.token for field in fields.values())),
        text,
        shape=array.shape,
        dtype=dtype,
        size_bytes=array.nbytes,
    )


def _of_objects(array: Array, walk: Walk) -> Description:
    def describe() -> Description:
        tokens, size = tokens_of(array.astype(object, copy=False).reshape(-1), array.size, walk)
        token = sealed("array", b"object", repr(array.shape).encode(), *tokens)
        dtype = array.dtype.name[:80]
        return Description("array", token, f"objects {array.shape}", shape=array.shape, dtype=dtype, size_bytes=size)

    return walk.within(array, describe)


def _range_text(contents: Contents, dtype: str) -> str:
    if contents.low is None or contents.mean is None:
        return f", {contents.invalid:,} NaN or infinite" if contents.invalid else ""
    about = "" if contents.exact else "~"
    if dtype == "bool":
        return f", {about}{100 * contents.mean:.3g} % true"
    invalid = f", {contents.invalid:,} NaN or infinite" if contents.invalid else ""
    return f", {_number(contents.low)} .. {_number(contents.high)}, mean {about}{_number(contents.mean)}{invalid}"


@lru_cache(maxsize=64)
def _dtype_name(dtype: np.dtype[Any]) -> str:
    return {"g": "longdouble", "G": "clongdouble"}.get(dtype.char, dtype.name)  # else "float128" on some machines


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN_FIELDS]) + (", ..." if len(names) > _SHOWN_FIELDS else "")
