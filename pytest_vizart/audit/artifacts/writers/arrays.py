"""Arrays as NPY, several as NPZ; images and masks among them as PNG, clouds as PLY."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.audit.artifacts.names import TakenNames, safe_name
from pytest_vizart.audit.artifacts.registry import CannotWriteError, Encoded, Wish
from pytest_vizart.audit.artifacts.writers.plain import encode_json

_HEADER_BYTES = 128


def encode_array(value: NDArray[Any], wish: Wish) -> Encoded:
    """Write an image or a mask as PNG where that holds every value, a cloud as PLY, anything else as NPY.

    Images: uint8 (H, W), (H, W, 3), (H, W, 4), uint16 (H, W). Masks: booleans, and whole numbers that fit into 16 bits,
    (H, W) of at least 32 x 32: smaller ones are as often tables of boxes.
    """
    from pytest_vizart.audit.artifacts.writers.clouds import encode_cloud, is_cloud
    from pytest_vizart.audit.artifacts.writers.images import encode_pixels, pixels_of

    array = np.asarray(value)
    if array.dtype.hasobject:
        return encode_json(array.tolist())
    if (wish.cloud or wish.suffix == ".ply") and is_cloud(array):
        return encode_cloud(array)
    pixels = None if wish.suffix == ".npy" else pixels_of(array)
    if pixels is not None:
        return encode_pixels(pixels)
    return Encoded(".npy", lambda file: _write_npy(file, array), array.nbytes + _HEADER_BYTES)


def encode_masked(value: Any, wish: Wish) -> Encoded:
    return encode_arrays({"data": np.ma.getdata(value), "mask": np.ma.getmaskarray(value)})


def encode_tensor(value: Any, wish: Wish) -> Encoded:
    return encode_array(_of_tensor(value), wish)


def encode_arrays(arrays: Mapping[str, Any], rest: Mapping[str, Any] | None = None) -> Encoded:
    """Write named arrays as NPZ; `rest` as `rest.json` in it. Names that are no file names are made some."""
    plain = {name: _as_array(each) for name, each in arrays.items()}
    if any(each.dtype.hasobject for each in plain.values()):
        return encode_json({**plain, **(rest or {})})
    beside = encode_json(rest) if rest else None
    names = TakenNames()
    named = {names.claim(safe_name(name), name): each for name, each in plain.items()}
    return Encoded(".npz", lambda file: _write_npz(file, named, beside))


def _write_npy(file: IO[bytes], array: NDArray[Any]) -> None:
    np.lib.format.write_array(file, array, allow_pickle=False)


def _write_npz(file: IO[bytes], arrays: Mapping[str, NDArray[Any]], beside: Encoded | None) -> None:
    # A ZipInfo that is made of a name alone has a fixed date: equal arrays are equal bytes.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(_entry(f"{name}.npy"), "w", force_zip64=True) as member:
                _write_npy(member, array)
        if beside is not None:
            with archive.open(_entry("rest.json"), "w") as member:
                beside.write(member)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _as_array(value: Any) -> NDArray[Any]:
    return value if type(value) is np.ndarray else np.asarray(_of_tensor(value) if hasattr(value, "detach") else value)


def _of_tensor(tensor: Any) -> NDArray[Any]:
    """Return a tensor's values, widened where numpy has no such type (bfloat16 to float32)."""
    try:
        plain = tensor.detach().cpu().resolve_conj().resolve_neg()
        try:
            return np.asarray(plain.numpy())
        except TypeError:
            return np.asarray(plain.float().numpy())
    except (RuntimeError, TypeError, NotImplementedError) as error:  # sparse, quantised, without storage
        raise CannotWriteError(f"a tensor that numpy cannot hold: {error}") from error
