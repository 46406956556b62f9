"""Which test records a sample's output in a session: two tests that share a name must not overwrite each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

_WAIT_S, _STEP_S = 2.0, 0.01


class Claims:
    """What the tests of a session record, as files in its journal: its processes know of each other's.

    Args:
        folder: of the session's claims.
        test_id: the test that records.
    """

    def __init__(self, folder: Path, test_id: str) -> None:
        self.folder = folder
        self.test_id = test_id

    @contextmanager
    def claimed(self, root: Path, name: str, sample_id: str) -> Iterator[str | None]:
        """Hold an output while it is compared and recorded; None, or the other test that had it before.

        Another process that is just recording it is waited for. Where no file can be written, nobody else is known.
        """
        key = blake2b(f"{root}\0{name}\0{sample_id}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        owner, done = self.folder / key, self.folder / f"{key}.done"
        other = None if self._is_first(owner) else self._other(owner, done)
        try:
            yield other
        finally:
            if other is None:
                with suppress(OSError):
                    done.touch()

    def _is_first(self, owner: Path) -> bool:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return True
        try:
            with owner.open("xb") as stream:
                stream.write(self.test_id.encode("utf-8", "surrogatepass"))
        except FileExistsError:
            return False
        except OSError:
            pass  # a full disk: what is recorded then fails by itself
        return True

    def _other(self, owner: Path, done: Path) -> str | None:
        """The test whose output it is, None for this test itself: one that is run again records again."""
        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                found = owner.read_bytes().decode("utf-8", "surrogatepass")
            except (OSError, UnicodeDecodeError):
                found = ""
            if found == self.test_id:
                return None
            if done.exists() or time.monotonic() > deadline:
                return found or "another test"
            time.sleep(_STEP_S)
