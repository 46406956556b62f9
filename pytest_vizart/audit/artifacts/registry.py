"""Which writer writes values of which type: a registry of names, imported when the first such value comes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Any, TypeVar

from pytest_vizart.errors import UsageError

WriteFunction = Callable[[Any, IO[bytes]], object]
F = TypeVar("F", bound=WriteFunction)

_SUFFIX = re.compile(r"(\.[A-Za-z0-9_]{1,16}){1,3}")
_TYPE_NAME = re.compile(r"\w+(\.\w+)+")


class CannotWriteError(Exception):
    """Nothing here can write this value, for the reason given."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is known beside the value. suffix: of the name that was asked for, "" for none. cloud: the stage's name says
    that it gives point clouds."""

    suffix: str = ""
    cloud: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """How a value becomes a file. size_bytes: where it is known before."""

    suffix: str
    write: Callable[[IO[bytes]], object]
    size_bytes: int | None = None


Writer = Callable[[Any, Wish], Encoded]

_writers: dict[str, str] = {
    "builtins.bytes": "plain:encode_bytes",
    "builtins.bytearray": "plain:encode_bytes",
    "builtins.memoryview": "plain:encode_bytes",
    "builtins.str": "plain:encode_text",
    "builtins.dict": "containers:encode_mapping",
    "builtins.list": "containers:encode_sequence",
    "builtins.tuple": "containers:encode_sequence",
    "builtins.object": "plain:encode_other",
    "numpy.generic": "plain:encode_scalar",
    "numpy.MaskedArray": "arrays:encode_masked",
    "numpy.ndarray": "arrays:encode_array",
    "torch.Tensor": "arrays:encode_tensor",
    "PIL.Image": "images:encode_image",
    "pyarrow.Table": "tables:encode_arrow",
    "pyarrow.RecordBatch": "tables:encode_batch",
    "pandas.DataFrame": "tables:encode_pandas",
    "pandas.Series": "tables:encode_pandas_column",
    "polars.DataFrame": "tables:encode_polars",
    "polars.Series": "tables:encode_polars_column",
    "pydantic.BaseModel": "containers:encode_model",
    "pytest_vizart.CloudLabel": "clouds:encode_cloud_form",
    "pytest_vizart.CloudPrediction": "clouds:encode_cloud_form",
    "pytest_vizart.ImageLabel": "images:encode_image_form",
    "pytest_vizart.ImagePrediction": "images:encode_image_form",
    "pytest_vizart.SemanticPrediction": "images:encode_mask_form",
}
"""Package and class -> module and function in `writers`."""

_registered: dict[type | str, tuple[str, WriteFunction]] = {}


def register_artifact_writer(kind: type | str, *, suffix: str) -> Callable[[F], F]:
    """Add a writer for values of a type and of those derived from it: a function of a value and an open binary file.

        @register_artifact_writer("trimesh.base.Trimesh", suffix=".obj")
        def write_mesh(mesh: Trimesh, file: IO[bytes]) -> None:
            file.write(mesh.export(file_type="obj").encode())

    From then on `vizart_run.save` and --vizart-artifacts write such values. It goes before the writers that are built
    in; the same type again replaces it. Equal values should give equal bytes: they are then one file on disk.

    Args:
        kind: the class, or its name with its module, which then need not be imported.
        suffix: of the files, such as ".obj".

    Raises:
        UsageError: a type or a suffix that cannot be meant.
    """
    if not isinstance(kind, type) and not (isinstance(kind, str) and _TYPE_NAME.fullmatch(kind)):
        _refuse("kind", 'a class, or its name such as "trimesh.base.Trimesh"', kind)
    if not isinstance(suffix, str) or not _SUFFIX.fullmatch(suffix):
        _refuse("suffix", 'a suffix such as ".obj"', suffix)

    def register(write: F) -> F:
        _registered[kind] = (suffix, write)
        return write

    return register


def _refuse(place: str, expected: str, found: object) -> None:
    raise UsageError("not a writer", place=place, expected=expected, found=found, hint="see register_artifact_writer")


def _encoded_by(suffix: str, write: WriteFunction, value: Any) -> Encoded:
    return Encoded(suffix, lambda file: write(value, file))


def encode(value: Any, wish: Wish) -> Encoded:
    """Return how a value becomes a file; its type decides, by the class that is nearest.

    Raises:
        CannotWriteError: nothing here can write it.
    """
    for base in type(value).__mro__:
        name = f"{base.__module__}.{base.__qualname__}"
        own = _registered.get(base) or _registered.get(name)
        if own is not None:
            return _encoded_by(*own, value)
        place = _writers.get(f"{str(base.__module__).partition('.')[0]}.{base.__name__}")
        if place is not None:
            module, _, function = place.partition(":")
            writer: Writer = getattr(import_module(f"pytest_vizart.audit.artifacts.writers.{module}"), function)
            return writer(value, wish)
    raise CannotWriteError(f"{type(value).__name__} is of no type that can be written")
