"""torch tensors, on the CPU and on devices. torch is never imported: a tensor's own module is asked for."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.profiling.recording.summaries.arrays import describe_elements, told
from pytest_vizart.profiling.recording.summaries.checksum import (
    BLOCK_BYTES,
    COLUMNS,
    EXACT_BYTES,
    ROWS,
    SAMPLE,
    Checksum,
    sample_positions,
)
from pytest_vizart.profiling.recording.summaries.elements import Contents
from pytest_vizart.profiling.recording.summaries.forms import (
    BRAIN,
    DOUBLE,
    HALF,
    INTEGERS,
    RAW,
    SINGLE,
    Extent,
    Floats,
    Form,
    joined,
)
from pytest_vizart.profiling.recording.summaries.walk import Description, Walk, foreign, sealed

_SLAB_BLOCKS = 64  # 32 MiB of a device's tensor are looked at at once

_FORMS: dict[str, Form] = {"bfloat16": BRAIN, "float16": HALF, "float32": SINGLE, "float64": DOUBLE}
_INTEGERS = {"uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool"}
_AS_WIDE = {1: "uint8", 2: "int16", 4: "int32", 8: "int64"}


def describe_tensor(value: Any, walk: Walk) -> Description:
    """Describe a tensor: its values, whatever the device, the layout in memory and the gradient."""
    torch = sys.modules["torch"]
    with torch.no_grad():
        tensor = value.detach()
        if tensor.is_sparse:
            return _sparse(tensor, walk)
        dtype = str(tensor.dtype).removeprefix("torch.")
        busy = tensor.is_cuda and torch.cuda.is_current_stream_capturing()  # reading would spoil the graph
        if tensor.layout != torch.strided or tensor.is_meta or busy:
            note = "not read" if tensor.is_meta or busy else str(tensor.layout)
            return foreign(value)._replace(
                kind="tensor", shape=tuple(tensor.shape), dtype=dtype, text=f"{dtype}, {note}"
            )
        if tensor.is_quantized:
            return _quantized(tensor, dtype, walk)
        tensor = tensor.resolve_conj().resolve_neg()
        size = int(tensor.numel() * tensor.element_size())
        if tensor.is_cuda and size > EXACT_BYTES and (dtype in _FORMS or dtype in _INTEGERS):
            return told(read_on_device(tensor, dtype), tuple(tensor.shape), dtype, size, walk, kind="tensor")
        array, form = _as_array(tensor.cpu(), dtype)
        return describe_elements(array, dtype, walk, kind="tensor", form=form)


def _as_array(tensor: Any, dtype: str) -> tuple[NDArray[Any], Form | None]:
    """Return the elements without a copy; those of a type that numpy does not know by their bits."""
    if dtype in _INTEGERS or dtype in ("float16", "float32", "float64", "complex64", "complex128"):
        return tensor.numpy(), None
    torch = sys.modules["torch"]
    bits = tensor.view(getattr(torch, _AS_WIDE[tensor.element_size()]))
    return bits.numpy(), BRAIN if dtype == "bfloat16" else RAW


def _sparse(tensor: Any, walk: Walk) -> Description:
    tensor = tensor.coalesce()
    indices, values = walk.nested(tensor.indices()), walk.nested(tensor.values())
    shape = tuple(tensor.shape)
    text = f"sparse {values.dtype} {shape}, {tensor.values().shape[0]:,} stored"
    token = sealed("sparse tensor", repr(shape).encode(), indices.token, values.token)
    return values._replace(kind="tensor", token=token, text=text, shape=shape)


def _quantized(tensor: Any, dtype: str, walk: Walk) -> Description:
    levels = describe_elements(tensor.int_repr().cpu().numpy(), dtype, walk, kind="tensor")
    values = walk.nested(tensor.dequantize())
    return values._replace(
        token=sealed("quantized", levels.token, values.token), dtype=dtype, text=f"{dtype} {values.text}"
    )


def read_on_device(tensor: Any, dtype: str) -> Contents:
    """Read a large tensor where it lies: what leaves the device is the sample and the sums, 1/60 of it.

    Gives what `read_elements` gives for the same elements. A tensor that is not contiguous is copied on its device.
    """
    torch = sys.modules["torch"]
    form = _FORMS.get(dtype, INTEGERS)
    flat = tensor.contiguous().reshape(-1)
    positions = torch.from_numpy(sample_positions(flat.numel())).to(flat.device)
    sample_array, _ = _as_array(flat[positions].cpu(), dtype)
    sample, _ = form.look(sample_array)
    bits = flat.view(getattr(torch, _AS_WIDE[flat.element_size()]))
    per_slab = _SLAB_BLOCKS * BLOCK_BYTES // flat.element_size()
    checksum, extents = Checksum(), []
    for start in range(0, flat.numel(), per_slab):
        part = _canonical(bits[start : start + per_slab], form, dtype)
        extents.append(_extent(part.view(flat.dtype)))
        _add(checksum, part)
    low, high, invalid = joined(extents)
    return Contents(checksum.digest(sample), low, high, form.mean(sample), invalid, exact=flat.numel() <= SAMPLE)


def _canonical(bits: Any, form: Form, dtype: str) -> Any:
    if dtype == "bool":
        return (bits != 0).to(bits.dtype)
    if not isinstance(form, Floats):
        return bits
    bits = bits.masked_fill(bits == ~form.top, 0)
    return bits.masked_fill_((bits & form.top) > form.infinity, form.nan)


def _extent(values: Any) -> Extent:
    torch = sys.modules["torch"]
    if not values.dtype.is_floating_point:
        low, high = (values.long() if values.dtype in (torch.bool,) else values).aminmax()
        return float(low), float(high), 0
    finite = torch.isfinite(values)
    kept = values[finite] if not bool(finite.all()) else values
    if not kept.numel():
        return None, None, int(values.numel())
    low, high = kept.aminmax()
    return float(low), float(high), int(values.numel() - kept.numel())


def _add(checksum: Checksum, part: Any) -> None:
    """Add a slab: whole blocks by their sums, the rest as it is. Signed sums wrap as unsigned ones do."""
    torch = sys.modules["torch"]
    octets = part.view(torch.uint8)
    whole = octets.numel() // BLOCK_BYTES
    words = octets[: whole * BLOCK_BYTES].view(torch.int64).reshape(whole, ROWS, COLUMNS)
    rows, columns = (words.sum(dim=axis).cpu().numpy().view(np.uint64) for axis in (2, 1))
    for number in range(whole):
        checksum.add_sums(rows[number], columns[number])
    rest = octets[whole * BLOCK_BYTES :].cpu().numpy()
    if rest.size:
        checksum.add(rest)
