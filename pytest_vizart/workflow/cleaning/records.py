"""What a clean-up would do, as data: the plan that is shown, and then carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pytest_vizart.history.retention import Choice, Thing
from pytest_vizart.storage.store import Store

BECAUSE_LEFT = "left behind"


@dataclass(frozen=True, slots=True)
class Going:
    """One thing that goes: a run's rows, a log, what a run saved. `files` are names in the store, where it is files."""

    name: str
    because: str
    size_bytes: int
    at_us: int
    test_id: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What a clean-up does to one kind. `spared` gives, by name, why what is beyond a limit stays all the same."""

    kind: Literal["history", "logs", "artifacts"]
    count: int = 0
    size_bytes: int = 0
    going: tuple[Going, ...] = ()
    spared: Mapping[str, str] = field(default_factory=dict)

    @property
    def freed_bytes(self) -> int:
        return sum(each.size_bytes for each in self.going)


@dataclass(frozen=True, slots=True)
class CleaningPlan:
    """What goes, why, and how many bytes that frees.

    Args:
        unused: contents of the pool that no run links to any more once the artifacts are gone, with the bytes that
            each frees beside those of the artifacts.
        leftovers: temporary files, empty folders and claims that processes left which died.
        notes: what the user must know, such as that the clock is not believed.
        run_files: folders of runs that go as a whole, with the bytes of what is no saved output in them: their run goes
            from the history, or is not there any more. Of the other folders in `artifacts` the saved outputs go.
        unfinished: runs that a clean-up took out of the history which had no time left for all of their rows.
        thorough: look also for rows that a clean-up left which was killed: no reader shows them, but they take room.
    """

    store: Store
    history: Part
    logs: Part
    artifacts: Part
    unused: Mapping[str, int] = field(default_factory=dict)
    run_files: Mapping[str, int] = field(default_factory=dict)
    leftovers: tuple[Going, ...] = ()
    notes: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    thorough: bool = True

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.history, self.logs, self.artifacts)

    @property
    def freed_bytes(self) -> int:
        others = sum(each.size_bytes for each in self.leftovers) + sum(self.unused.values())
        others += sum(self.run_files.values())
        return sum(part.freed_bytes for part in self.parts) + others

    @property
    def idle(self) -> bool:
        """Whether there is nothing that goes."""
        return not (self.unused or self.leftovers or self.unfinished or any(part.going for part in self.parts))


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean-up did.

    Args:
        artifacts: runs whose saved outputs went.
        left_behind: files and folders of dead processes, and contents that no run has any more.
        finished: False when time ran out, or something could not be deleted: the next one goes on.
        busy: somebody else was cleaning or compacting; nothing was done.
        problems: what could not be deleted, and why.
    """

    runs: int = 0
    logs: int = 0
    artifacts: int = 0
    left_behind: int = 0
    freed_bytes: int = 0
    finished: bool = True
    busy: bool = False
    problems: tuple[str, ...] = ()


def chosen(things: Sequence[Thing], choice: Choice, test_ids: Mapping[str, str | None]) -> tuple[Going, ...]:
    """Return the things of a choice that go, oldest first."""
    by_name = {thing.name: thing for thing in things}
    return tuple(
        Going(name, because, by_name[name].size_bytes, by_name[name].at_us, test_ids.get(name))
        for name, because in choice.going.items()
    )
