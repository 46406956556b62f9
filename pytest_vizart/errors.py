"""Every exception of the package, and the warning category.

    VizartError
    ├── UsageError            an option, a marker, or a call that cannot be meant
    ├── GoldenError           golden data that cannot be used
    │   └── GoldenFormatError     a manifest, label file or input that is not what it says
    ├── PredictionError       a prediction that cannot be compared with its ground truth
    ├── PipelineError         samples on which a checked pipeline raised, told of at the end
    └── HistoryError          a history that cannot be read or written
    VizartWarning             monitoring gave up on something; the test goes on

Every error says what is wrong and, where they are known, in which file, at which place in it, what was expected,
what was found, and what to do.
"""

from __future__ import annotations

import sys
import warnings
from os import PathLike, fspath

__all__ = [
    "GoldenError",
    "GoldenFormatError",
    "HistoryError",
    "PipelineError",
    "PredictionError",
    "UsageError",
    "VizartError",
    "VizartWarning",
    "told_since",
    "warn",
    "warnings_told",
]


class VizartError(Exception):
    """Base of all errors.

    Args:
        problem: what is wrong, one sentence without a full stop.
        file: the file it lies in.
        place: line, key, row or object inside the file, or the argument's name.
        expected: what would have been right.
        found: what was there instead; shortened to 200 characters.
        hint: what to do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | PathLike[str] | None = None,
        place: str | None = None,
        expected: str | None = None,
        found: object = None,
        hint: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = None if file is None else fspath(file)
        self.place = place
        self.expected = expected
        self.found = None if found is None else _shortened(found)
        self.hint = hint
        super().__init__(problem)

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.place) if part)
        parts = [f"{where}: {self.problem}" if where else self.problem]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.found is not None:
            parts.append(f"found {self.found}")
        if self.hint is not None:
            parts.append(f"hint: {self.hint}")
        # Half a surrogate pair, out of a hostile file, is text that no terminal and no file can take.
        return "; ".join(parts).encode("utf-8", "backslashreplace").decode("utf-8")

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive Exception's own pickling; errors cross process borders under xdist.
        return _rebuilt, (type(self), self.__dict__.copy())


class UsageError(VizartError):
    """An option, a marker argument or a call that cannot be meant."""


class GoldenError(VizartError):
    """Golden data that cannot be used: no dataset, several and no choice, an unknown sample."""


class GoldenFormatError(GoldenError):
    """A manifest, label file or input file that is not what it says."""


class PredictionError(VizartError):
    """A prediction whose form, shape, classes or values cannot be compared with the ground truth."""


class PipelineError(VizartError):
    """Samples on which a checked pipeline raised; the others went on. The first exception is the cause."""


class HistoryError(VizartError):
    """A history that cannot be read or written."""


class VizartWarning(UserWarning):
    """Monitoring gave up on something; the test under it goes on untouched."""


def warn(message: str) -> None:
    """Warn that monitoring gave up on something.

    Under `-W error` a warning is an exception, and monitoring must never break the test it watches: then the message
    goes to the standard error stream.
    """
    _told.append(message)
    try:
        warnings.warn(VizartWarning(message), stacklevel=2)
    except VizartWarning:
        print(f"vizart: {message}", file=sys.stderr)


_told: list[str] = []


def told_since(count: int) -> tuple[str, ...]:
    """Return the warnings of this process after the first `count`; each once."""
    return tuple(dict.fromkeys(_told[count:]))


def warnings_told() -> int:
    """Return how many warnings this process has given."""
    return len(_told)


def _shortened(found: object) -> str:
    try:
        text = found if isinstance(found, str) else repr(found)
    except Exception:  # noqa: BLE001 - numbers of thousands of digits, lists too deep, objects of others
        text = f"{type(found).__name__} that cannot be shown"
    return text if len(text) <= 200 else f"{text[:197]}..."


def _rebuilt(kind: type[VizartError], state: dict[str, object]) -> VizartError:
    error = kind(str(state["problem"]))
    error.__dict__.update(state)
    return error
