"""What every shape of a pipeline answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_vizart.profiling.watching.patches import Place


@dataclass(frozen=True, slots=True)
class Child:
    """One named thing inside of a pipeline.

    spot: where it stands, if it can be replaced there. call: how it is called, if not as things of its shape are.
    closed: what is inside of it is no stage.
    """

    name: str
    value: Any
    spot: Place | None = None
    call: Callable[[Any], Any] | None = None
    closed: bool = False


class Shape(Protocol):
    """One kind of pipeline, or of a part of one.

    chained: its children, called one after the other, are the whole. container: it is nothing but its children, so that
    a watch of it measures them alone.
    """

    chained: bool
    container: bool

    def fits(self, value: Any) -> bool: ...

    def name(self, value: Any) -> str:
        """What the whole is called if it is one stage."""
        ...

    def children(self, value: Any) -> Iterable[Child]: ...

    def places(self, value: Any, spot: Place | None) -> tuple[Place, ...]:
        """Where to replace what is called when the whole is; each call goes through one of them at least.

        Raises:
            UsageError: it cannot be replaced.
        """
        ...

    def call(self, value: Any) -> Callable[[Any], Any]:
        """How the whole is called with its input.

        Raises:
            UsageError: it cannot be called.
        """
        ...


def has_method(value: Any, name: str) -> bool:
    """Whether there is such a method; a property that raises has none to offer."""
    try:
        return callable(getattr(value, name, None))
    except Exception:  # noqa: BLE001 - the user's code, asked about something it may not be able to answer yet
        return False


def attribute(value: Any, name: str) -> Any:
    """Return an attribute, None if there is none, or if it cannot be computed."""
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001 - the user's code
        return None


def own_name(value: Any) -> str:
    """Return the name a thing bears, or the name of its class."""
    name = attribute(value, "name")
    return name if isinstance(name, str) and name.strip() else type(value).__name__
