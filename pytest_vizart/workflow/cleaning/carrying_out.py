"""Doing what a plan says. It may be killed at any instant: what is half done is readable, and finished later."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pytest_vizart.errors import HistoryError
from pytest_vizart.history.compaction import remove_runs
from pytest_vizart.history.journal_files import delete_journal, is_link
from pytest_vizart.history.reader import History
from pytest_vizart.storage.store import Entry, Store
from pytest_vizart.workflow.cleaning.artifact_folders import GONE, RUNS, SAVED
from pytest_vizart.workflow.cleaning.log_files import delete_log
from pytest_vizart.workflow.cleaning.records import Cleaned, CleaningPlan, Going
from pytest_vizart.workflow.cleaning.unfinished import forget_note, note_runs
from pytest_vizart.workflow.locking import alone_in
from pytest_vizart.workflow.ours import has_run_files

_RUNS_AT_ONCE = 2_000


def carry_out(
    plan: CleaningPlan, budget_s: float | None = None, *, clock: Callable[[], float] = time.monotonic
) -> Cleaned:
    """Take what the plan says until the time is over; what is left goes with the next plan.

    Artifacts, logs and leftovers first: they free most, and each goes at once. Runs that were pinned since the plan was
    made stay. Trouble with one thing does not keep the others: it is told in `problems`.
    """
    nothing_there = plan.store.local is not None and not plan.store.local.is_dir()
    if nothing_there or (plan.idle and not plan.thorough):
        return Cleaned()
    work = _Work(plan.store, None if budget_s is None else clock() + budget_s, clock)
    with alone_in(plan.store) as held:
        if not held:
            return Cleaned(finished=False, busy=True)
        left_behind = work.take_all(plan.leftovers, work.leftover)
        artifacts = work.take_all(plan.artifacts.going, lambda thing: work.saved(thing, plan.run_files))
        left_behind += work.pool(plan.unused)
        logs = work.take_all(plan.logs.going, work.log)
    runs = _remove_runs(work, plan)
    return Cleaned(runs, logs, artifacts, left_behind, work.freed_bytes, work.finished, problems=tuple(work.problems))


def _remove_runs(work: _Work, plan: CleaningPlan) -> int:
    """The rows of runs, some at a time: this takes the lock by itself. Remains of runs that went before go along."""
    count, left = 0, [each.name for each in plan.history.going]
    if not (left or plan.unfinished or plan.thorough):
        return 0
    remains = plan.unfinished
    done = False
    with work.told("metrics"):
        while not work.out_of_time():
            pinned = work.pins.now()
            free = [run_id for run_id in left[:_RUNS_AT_ONCE] if run_id not in pinned]
            left = left[_RUNS_AT_ONCE:]
            if free or remains:
                note_runs(work.store, {*free, *remains})
            removed = remove_runs(work.store, [*free, *remains], budget_s=work.left_s())
            count += removed.runs
            work.freed_bytes += removed.bytes_freed
            if removed.runs == len(free):  # else some stayed, and nobody knows here which
                work.run_folders(free, plan.run_files)
            work.finished = work.finished and removed.finished
            remains, done = (), removed.finished
            if not (left and done):
                break
        if done:
            forget_note(work.store)
    return count


class _Pins:
    """The runs that are pinned at this moment: the files of decisions are read again when others are there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: list[Entry] | None = None
        self._pinned: frozenset[str] = frozenset()

    def now(self) -> frozenset[str]:
        seen = self._store.files("metrics/decisions")
        if seen != self._seen:
            decisions = History(self._store).decisions()
            self._pinned = frozenset(run_id for run_id, decision in decisions.items() if decision.pinned)
            self._seen = seen
        return self._pinned


@dataclass(slots=True)
class _Work:
    """Takes things away, keeps the time, and notes what went and what did not."""

    store: Store
    deadline: float | None
    clock: Callable[[], float]
    pins: _Pins = field(init=False)
    freed_bytes: int = 0
    finished: bool = True
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pins = _Pins(self.store)

    def left_s(self) -> float | None:
        return None if self.deadline is None else max(self.deadline - self.clock(), 0.0)

    def out_of_time(self) -> bool:
        over = self.deadline is not None and self.clock() >= self.deadline
        self.finished = self.finished and not over
        return over

    def take_all(self, things: Sequence[Going], away: Callable[[Going], bool]) -> int:
        return sum(self.take(each, away) for each in things)

    def take(self, thing: Going, away: Callable[[Going], bool]) -> bool:
        """Take one thing away; whether it went."""
        if self.out_of_time():
            return False
        with self.told(thing.files[0] if thing.files else thing.name):
            if away(thing):
                self.freed_bytes += thing.size_bytes
                return True
        return False

    def log(self, thing: Going) -> bool:
        return delete_log(self.store, thing.files)

    def saved(self, thing: Going, run_files: Mapping[str, int]) -> bool:
        """Delete what a run saved, unless it was pinned, or its folder as a whole if that is among the `run_files`."""
        if thing.name in self.pins.now():
            return False
        if thing.name in run_files:
            self.away(thing.name)
            self.freed_bytes += run_files[thing.name]
            return True
        self.away(thing.name, SAVED)
        if self.store.local is not None:
            _delete_empty_folders(self.store.local / RUNS / thing.name)
        return True

    def run_folders(self, run_ids: Sequence[str], sizes: Mapping[str, int]) -> None:
        """Delete the folders of runs that are out of the history, but those with saved outputs: `run.json` tells what
        those are, and goes with them.
        """
        root = self.store.local
        if root is not None and is_link(root / RUNS):
            return
        # Elsewhere each look takes long: only at those that the plan found.
        for run_id in run_ids if root is not None else [each for each in run_ids if each in sizes]:
            if self.out_of_time():
                return
            with self.told(f"{RUNS}/{run_id}"):
                if self._is_ours(run_id) and not self._has_saved(run_id):
                    self.away(run_id)
                    self.freed_bytes += sizes.get(run_id, 0)

    def _is_ours(self, run_id: str) -> bool:
        """Whether a folder is one that a run made. Run IDs come out of files that others may have written."""
        if not run_id or run_id.startswith(".") or "/" in run_id or "\\" in run_id:
            return False
        folder = None if self.store.local is None else self.store.local / RUNS / run_id
        if folder is None:
            return True  # one that the plan found
        return not is_link(folder) and has_run_files(path.name for path in folder.iterdir())

    def _has_saved(self, run_id: str) -> bool:
        name = f"{RUNS}/{run_id}/{SAVED}"
        if self.store.local is not None:
            return any(files for _, _, files in os.walk(self.store.local / name))
        return next(iter(self.store.files(name, recursive=True)), None) is not None

    def away(self, run_id: str, part: str = "") -> None:
        """Delete a run's folder, or a part of it. One of this machine is renamed first: nobody ever sees half of it."""
        name = f"{RUNS}/{run_id}/{part}".rstrip("/")
        if self.store.local is None:
            self.store.delete_folder(name)
            return
        gone = self.store.local / RUNS / f"{GONE}{run_id}"
        (self.store.local / name).rename(gone)
        _delete_tree(gone)

    def leftover(self, thing: Going) -> bool:
        if thing.files:
            self.store.delete(thing.files)
            return True
        if self.store.local is None:
            self.store.delete_folder(thing.name)
            return True
        folder = self.store.local / thing.name
        if thing.name.startswith("journal/"):
            return delete_journal(folder)
        if folder.name.startswith(GONE):
            _delete_tree(folder)
            return True
        if thing.size_bytes and not self._has_saved(folder.name):  # the folder of a run that the history does not have
            self.away(folder.name)
            return True
        return _delete_empty_folders(folder)

    def pool(self, sizes: Mapping[str, int]) -> int:
        """Delete contents that no run links to, looking once more: a run may have come that does.

        Returns how many went that count with no run's folder.
        """
        if self.store.local is None:
            return 0
        alone = 0
        for name, size_bytes in sizes.items():
            if self.out_of_time():
                break
            with self.told(name):
                path = self.store.local / name
                if path.lstat().st_nlink <= 1:
                    path.unlink()
                    self.freed_bytes += size_bytes
                    alone += size_bytes > 0
        return alone

    @contextmanager
    def told(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:  # somebody else took it
            return
        except HistoryError as error:
            self._failed(str(error))
        except OSError as error:
            self._failed(f"{self.store.where(name)}: cannot be deleted ({error.strerror or error})")

    def _failed(self, problem: str) -> None:
        self.problems.append(problem)
        self.finished = False


def _delete_tree(folder: Path) -> None:
    """Delete a folder, and say so if it cannot be."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return


def _delete_empty_folders(folder: Path) -> bool:
    """Delete a folder that holds nothing but folders; False if it got a file meanwhile."""
    try:
        for path, _, _ in os.walk(folder, topdown=False):
            Path(path).rmdir()
    except OSError:
        return False
    return True
