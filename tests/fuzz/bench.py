"""What is fuzzed, one table for all readers: a tiny place to lie in, and a function that reads all that can be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pytest_vizart.errors import GoldenError, GoldenFormatError, VizartError
from pytest_vizart.golden.inputs import load_input
from pytest_vizart.golden.manifest import Manifest
from pytest_vizart.golden.opening import open_parts
from tests.golden.datasets import write_images

Kind = Literal["json", "text", "bytes"]
_LONGEST_MESSAGE = 4000


class BadError(AssertionError):
    """An error of the right kind that does not say what it should."""


@dataclass(frozen=True)
class Target:
    """One reader.

    file: where the fuzzed bytes lie, relative to the target's folder. read: reads them there; raises none but the
    errors that are meant, each handed to `require_telling`. prepare: writes what else the reader needs. words: what
    its files are made of, for mutations.
    """

    name: str
    file: str
    kind: Kind
    seeds: Callable[[], Sequence[bytes]]
    read: Callable[[Path], None]
    prepare: Callable[[Path], None] = lambda root: None
    words: tuple[bytes, ...] = ()


class Bench:
    """A target in a folder of its own."""

    def __init__(self, target: Target, root: Path) -> None:
        self._target = target
        self._root = root / target.name
        self._file = self._root / target.file
        self._file.parent.mkdir(parents=True, exist_ok=True)
        target.prepare(self._root)

    def run(self, content: bytes) -> None:
        """Read these bytes; whatever comes out is a failure."""
        self._file.write_bytes(content)
        self._target.read(self._root)


def require_telling(error: VizartError) -> None:
    """Raise BadError where an error does not name the file and what to do, or cannot be shown."""
    if isinstance(error, GoldenFormatError) and not (error.file and error.hint):
        raise BadError(f"no file, or no hint: {error}") from error
    if not (error.hint and (error.expected or error.found or error.place)):
        raise BadError(f"does not tell what is wrong: {error}") from error
    text = str(error)
    if len(text) > _LONGEST_MESSAGE:
        raise BadError(f"message of {len(text):,} characters: {text[:200]}") from error
    try:
        text.encode()
    except UnicodeEncodeError as unfit:
        raise BadError(f"no text that can be written: {text!r}") from unfit


def refused(call: Callable[[], object], *kinds: type[VizartError]) -> None:
    """Call it; errors of these kinds (GoldenError where none are named) are as good as none, if they tell."""
    kinds = kinds or (GoldenError,)
    try:
        call()
    except kinds as error:
        require_telling(error)


def dataset(
    name: str,
    file: str,
    labels: Sequence[Mapping[str, Any]],
    seeds: Callable[[], Sequence[bytes]],
    *,
    kind: Kind = "bytes",
    samples: str = "images/*",
    classes: Any = None,
    prepare: Callable[[Path], None] = lambda root: None,
    words: tuple[bytes, ...] = (),
    loads: bool = False,
) -> Target:
    """Return the target of a label format: a dataset of images a, b (8 x 6), each entry of `labels` a stage.

    Args:
        loads: the fuzzed file is an input too, which is decoded.
    """
    entries = [{"stage": f"s{number}", **entry} for number, entry in enumerate(labels)]
    given = {} if classes is None else {"classes": classes}
    manifest = Manifest.model_validate({"samples": samples, "labels": entries, **given})

    def prepared(root: Path) -> None:
        write_images(root, ["images/a.png", "images/b.png"])
        prepare(root)

    def read(root: Path) -> None:
        read_all(root, manifest, loads=loads)

    return Target(name, file, kind, seeds, read, prepared, words)


def read_all(root: Path, manifest: Manifest, *, loads: bool) -> None:
    """Read and digest every label of a dataset; decode its inputs, where they are what is fuzzed."""
    problems: list[VizartError] = []
    opened = open_parts(root, manifest, root / "golden.yaml", report=problems.append)
    for problem in problems:
        if not isinstance(problem, GoldenError):
            raise problem
        require_telling(problem)
    for key in opened.keys:
        for stage in opened.store.specs:
            refused(lambda stage=stage, key=key: opened.store.label(stage, key))
            refused(lambda stage=stage, key=key: opened.store.digest(stage, key))
        if loads:
            refused(lambda key=key: load_input(key.path))
