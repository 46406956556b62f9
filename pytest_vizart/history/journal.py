"""The journal: what a session under way has finished, one JSON file per run or piece, in `journal/<session>/`.

Every process of a session writes here, and one of them, the controller, reads it all at the end. What a session left
behind that died before its end is taken over by the next one, which renames the folder: only one can. Every file ends
with a digest of itself, so that a damaged one is known as such. `keeping.json` holds the name under which the session's
tables are written: who is killed at it is followed by another who writes the same files.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from pytest_vizart.history.journal_files import delete_journal, is_foreign, is_journal, is_link
from pytest_vizart.history.owner import Owner, owner_of, read_owner, still_for_s, unchanged_s
from pytest_vizart.history.sealing import sealed, unsealed
from pytest_vizart.records.run import RunResult, Session
from pytest_vizart.records.text import escaped

FOLDER = "journal"
_TAKEN = ".taken-over-"
_KEPT = ".kept-"
_runs: TypeAdapter[RunResult] = TypeAdapter(RunResult)
_sessions: TypeAdapter[Session] = TypeAdapter(Session)
OnDamage = Callable[[str], None]


class Journal:
    """The journal of one session, seen by one of its processes."""

    def __init__(self, output: Path, session_id: str) -> None:
        self.output = output
        self.folder = output / FOLDER / session_id
        self._unread = False

    @property
    def spans(self) -> Path:
        """Folder of the span journals of runs under way."""
        return self.folder / "spans"

    @property
    def session_id(self) -> str:
        return session_id_of(self.folder.name)

    @property
    def is_taken_over(self) -> bool:
        return _TAKEN in self.folder.name

    def open(self, session: Session, *, owner_pid: int | None = None) -> None:
        """Make the folder and say whose it is: this process's, or the controller's that started it.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(_owner_file(self.folder), sealed(owner_of(owner_pid or os.getpid()).as_json()))
        _write(self.folder / "session.json", sealed(as_json(session)))

    def add_run(self, result: RunResult) -> None:
        """Keep a finished run."""
        self._add(f"run-{result.info.run_id}.json", as_json(result))

    def add_piece(self, run_id: str, payload: bytes) -> None:
        """Keep one sample's part of a run that several tests make together."""
        self._add(f"piece-{run_id}-{uuid.uuid4().hex}.json", payload)

    def forget_pieces(self, run_id: str) -> None:
        """Delete the parts of a run, when it is kept as a whole."""
        for path in self.folder.glob(f"piece-{run_id}-*.json"):
            with suppress(OSError):  # it is passed over by whoever finds the run beside it
                path.unlink()

    def runs(self, on_damage: OnDamage) -> Iterator[RunResult]:
        """Yield the finished runs in the order in which they began; damaged files are reported and left out."""
        found = []
        for path, payload in self._read("run-*.json", on_damage):
            try:
                found.append(from_json(payload))
            except ValidationError:
                on_damage(_damaged(path))
        yield from sorted(found, key=lambda run: run.info.started_us)

    def pieces(self, on_damage: OnDamage, *, whole: Collection[str] = ()) -> Iterator[tuple[Path, bytes]]:
        """Yield the kept pieces with their files, those of the runs in `whole` aside; damaged ones are reported."""
        for path, payload in self._read("piece-*.json", on_damage):
            if path.name.removeprefix("piece-").rpartition("-")[0] not in whole:
                yield path, payload

    def claim(self) -> bool:
        """Make a dead session's journal this process's own; False if another process was faster."""
        claimed = self.folder.with_name(f"{self.session_id}{_TAKEN}{uuid.uuid4().hex[:12]}")
        try:
            # Its new owner stands in it before it gets its new name: at no moment is it one's who is dead.
            _write(self.folder / _owner_file(claimed).name, sealed(owner_of(os.getpid()).as_json()))
            self.folder.rename(claimed)
        except OSError:
            return False
        self.folder = claimed
        return True

    def session(self, on_damage: OnDamage) -> Session | None:
        """Return whose journal it is, None where that is damaged, which is reported, or absent."""
        path = self.folder / "session.json"
        try:
            return _sessions.validate_json(unsealed(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            on_damage(_damaged(path))
            return None

    def stem(self) -> str | None:
        """Return the name under which the session's tables are, or were, being written."""
        try:
            return str(orjson.loads(unsealed((self.folder / "keeping.json").read_bytes()))["stem"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def choose(self, stem: str) -> None:
        """Say under which name the tables will be written, before the first one is. Raises: OSError."""
        _write(self.folder / "keeping.json", sealed(orjson.dumps({"stem": stem})))

    def remove(self) -> None:
        """Forget the journal, when all of it stands in the history. A file that could not be read now is left.

        What is not ours is left too, in a folder that is no journal any more.
        """
        if self._unread:
            return
        kept = self.folder.with_name(f"{_KEPT}{self.session_id}.{uuid.uuid4().hex[:12]}")
        try:
            self.folder.rename(kept)  # at once: what is left of it half deleted is no journal
        except OSError:
            kept = self.folder
        if not delete_journal(kept) and not is_journal(kept):
            with suppress(OSError):  # something of somebody else: where it was before
                kept.rename(self.folder)

    def _read(self, pattern: str, on_damage: OnDamage) -> Iterator[tuple[Path, bytes]]:
        for path in sorted(self.folder.glob(pattern)):
            try:
                yield path, unsealed(path.read_bytes())
            except FileNotFoundError:
                continue
            except OSError as error:
                self._unread = True
                on_damage(f"{path}: this journal file cannot be read now and is left ({error.strerror or error})")
            except ValueError:
                on_damage(_damaged(path))

    def _add(self, name: str, payload: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / name, sealed(payload))


def session_id_of(folder_name: str) -> str:
    """Return the session whose journal bears this name, be it taken over or not."""
    return folder_name.partition(_TAKEN)[0]


def sessions_in(output: Path) -> set[str]:
    """Return the sessions whose journal stands there: their tables may be written again."""
    # Twice: a folder that is renamed while it is listed may be passed over.
    names = {*_names(output / FOLDER), *_names(output / FOLDER)}
    return {session_id_of(name) for name in names if not name.startswith(".") and not _is_foreign(output, name)}


def _is_foreign(output: Path, name: str) -> bool:
    folder = output / FOLDER / name
    return is_foreign(folder) or (folder.is_file() and not is_link(folder))


def journals_stand(output: Path) -> bool:
    """Whether a session is under way there, or died."""
    return any(not name.startswith(".") and is_journal(output / FOLDER / name) for name in _names(output / FOLDER))


def dead_journals(output: Path, on_damage: OnDamage = lambda message: None) -> Iterator[Journal]:
    """Yield the journals whose process is gone; see `owner` for those of whom that cannot be known.

    Nothing is taken over through a link, of which the user is told.
    """
    if is_link(output / FOLDER):
        on_damage(f"{output / FOLDER}: this is a link: what sessions that died left there is not taken over")
        return
    for name in _names(output / FOLDER):
        folder = output / FOLDER / name
        if name.startswith(_KEPT):
            delete_journal(folder)  # who was at it is dead, or at it still
        elif name.startswith(".") or is_link(folder) or not folder.is_dir() or is_foreign(folder):
            continue
        elif _is_left(folder, on_damage):
            yield Journal(output, name)


def _is_left(folder: Path, on_damage: OnDamage) -> bool:
    path = _owner_file(folder)
    owner: Owner | None = None
    damage = None
    try:
        owner = read_owner(path)
    except FileNotFoundError:
        pass  # another process may be making it at this moment
    except OSError:
        return False
    except ValueError:
        damage = _damaged(path)
    still_s = still_for_s(owner)
    if still_s is None or (still_s > 0 and unchanged_s(folder) < still_s):
        return False
    if damage is not None:
        on_damage(damage)
    return True


def _owner_file(folder: Path) -> Path:
    claim = folder.name.partition(_TAKEN)[2]
    return folder / (f"owner-{claim}.json" if claim else "owner.json")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _damaged(path: Path) -> str:
    return f"{path}: this journal file is damaged and is left out"


def _write(path: Path, payload: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        temporary.write_bytes(payload)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise type(error)(error.errno, error.strerror, str(path)) from None


def from_json(text: str | bytes) -> RunResult:
    """Return the run that `as_json` wrote. Raises pydantic.ValidationError if it is none."""
    return _runs.validate_json(text)


def as_json(record: Any) -> bytes:
    """Return a record as JSON, whatever its texts hold.

    Names of files, stages and errors may hold halves of surrogate pairs, which are no Unicode text: they are escaped.
    """
    try:
        return orjson.dumps(record)
    except TypeError:
        return orjson.dumps(_cleaned(asdict(record)))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(each) for key, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list | tuple) else value
