"""Pillow images and sparse matrices: both are arrays with something beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytest_vizart.profiling.recording.summaries.arrays import describe_elements
from pytest_vizart.profiling.recording.summaries.plain import int_token, text_token
from pytest_vizart.profiling.recording.summaries.walk import Description, Walk, foreign, sealed


def describe_image(value: Any, walk: Walk) -> Description:
    """Describe an image by its mode, pixels and palette; one that was not decoded yet is left so."""
    own = vars(value)
    if own.get("_im", own.get("im")) is None:
        width, height = value.size
        return foreign(value)._replace(kind="image", shape=(height, width), text=f"{value.mode}, not decoded yet")
    pixels = np.asarray(value)
    palette = bytes(value.getpalette() or ()) if value.mode in ("P", "PA") else b""
    shown = describe_elements(pixels, pixels.dtype.name, walk, kind="image")
    token = sealed("image", text_token(value.mode), palette, shown.token)
    return shown._replace(token=token, text=f"{value.mode} {shown.text}")


def describe_sparse(value: Any, walk: Walk) -> Description:
    """Describe a scipy sparse array or matrix: equal where the dense ones are, whatever the format."""
    copy = value.tocoo(copy=True)
    copy.sum_duplicates()
    copy.eliminate_zeros()
    stored = describe_elements(copy.data, copy.data.dtype.name, walk)
    axes = (
        walk.nested(axis.astype(np.int64)).token for axis in (getattr(copy, "coords", None) or (copy.row, copy.col))
    )
    shape = tuple(int(length) for length in copy.shape)
    token = sealed("sparse", repr(shape).encode(), int_token(copy.nnz), stored.token, *axes)
    return stored._replace(
        kind="sparse", token=token, shape=shape, text=f"sparse {stored.dtype} {shape}, {copy.nnz:,} stored"
    )
