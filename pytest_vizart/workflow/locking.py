"""Working on an output alone, for commands and the ends of sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pytest_vizart.errors import HistoryError
from pytest_vizart.storage.lock import exclusive
from pytest_vizart.storage.store import Store


@contextmanager
def alone_in(store: Store) -> Iterator[bool]:
    """Hold the output's lock if it is free; yields whether it is held.

    Raises:
        HistoryError: nothing can be written there.
    """
    with ExitStack() as stack:
        try:
            held = stack.enter_context(exclusive(store))
        except OSError as error:
            raise unwritable(store, error) from error
        yield held


def unwritable(store: Store, error: OSError) -> HistoryError:
    """Return the error of an output that nothing can be written to."""
    reason = error.strerror or str(error)
    return HistoryError(
        f"cannot be written: {reason}", file=str(store), hint="give another place with --output, or the permission"
    )
