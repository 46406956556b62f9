"""What goes and why: reads what is there, and changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike

from pytest_vizart.errors import UsageError
from pytest_vizart.history.joining import unreadable_files
from pytest_vizart.history.reader import History
from pytest_vizart.history.retention import (
    DEFAULT_BASE_BRANCHES,
    RUN_COLUMNS,
    Choice,
    KeptRun,
    Thing,
    ages_counted_from,
    choose,
    is_young,
    kept_runs,
    loosened,
    protected_runs,
)
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.cleaning.artifact_folders import (
    RUNS,
    Artifacts,
    RunFolder,
    TooManyFilesError,
    read_artifacts,
)
from pytest_vizart.workflow.cleaning.leftovers import DAY_US, busy_sessions, left_behind
from pytest_vizart.workflow.cleaning.log_files import LogFiles
from pytest_vizart.workflow.cleaning.records import CleaningPlan, Part, chosen
from pytest_vizart.workflow.cleaning.unfinished import noted_runs
from pytest_vizart.workflow.importing.model import IMPORTED
from pytest_vizart.workflow.ours import is_output, linked_folders

_SLACK = 0.05


def plan(
    place: str | PathLike[str] | Store,
    retention: Retention,
    now_us: int,
    *,
    base: str | None = None,
    trust_clock: bool = False,
    quick: bool = False,
    artifacts_until_s: float | None = None,
) -> CleaningPlan:
    """Return what a clean-up would take.

    Args:
        place: the output folder or its URL.
        retention: how long what is kept.
        now_us: the time, microseconds UTC.
        base: the branch that others are compared with; `main` and `master` without it.
        trust_clock: count ages from `now_us` even if nothing was kept for 30 days before it.
        quick: as at the end of a session: the history may exceed its limits by a twentieth before it is written anew,
            and artifacts that have no limit are not looked through.
        artifacts_until_s: by time.monotonic(): artifacts that cannot be looked through until then are left alone.

    Raises:
        UsageError: the URL names nothing that can be used, or no runs were ever kept there.
        OSError: the place cannot be read.
    """
    store = open_store(place)
    if not quick:  # where a session has just kept its runs, nobody need ask
        _refuse_if_foreign(store)
    linked = linked_folders(store)
    kept = _Kept(store)
    logs = LogFiles(store)
    artifacts, too_many = _artifacts(store, kept, quick and not retention.artifacts, artifacts_until_s)
    # Imported runs tell when others measured, and nothing of this clock.
    seen_us = [run.started_us for run in kept.runs if run.profile != IMPORTED] + [log.at_us for log in logs.things]
    asked, retention = retention, _possible(retention, kept, linked)
    counted_from_us = now_us if trust_clock else ages_counted_from(now_us, seen_us)
    protected = protected_runs(
        kept.runs,
        now_us=now_us,
        pinned=kept.pinned,
        decided=kept.decided,
        busy_sessions=kept.busy,
        base_branches=(base,) if base else DEFAULT_BASE_BRANCHES,
        counted_from_us=counted_from_us,
    )
    folders = _Folders(kept, artifacts, now_us)
    history = _history_part(kept, retention.history, counted_from_us, protected, _SLACK if quick else 0.0)
    artifacts_part, unused = folders.part(retention.artifacts, now_us=now_us, counted_from_us=counted_from_us)
    unknown = () if "metrics" in linked else folders.unknown(store)
    return CleaningPlan(
        store,
        history=history,
        logs=logs.part(retention.logs, now_us=now_us, counted_from_us=counted_from_us),
        artifacts=artifacts_part,
        unused=unused if RUNS not in linked else {},
        run_files=folders.run_files(history, artifacts_part),
        leftovers=left_behind(store, artifacts, now_us=now_us, under_way=list(folders.under_way), unknown=unknown),
        notes=(
            *_clock_note(counted_from_us, now_us, retention),
            *_unreadable_note(kept.unreadable),
            *_link_notes(store, linked, asked, quick),
            *too_many,
        ),
        unfinished=() if "metrics" in linked else kept.unfinished(store),
        thorough=not quick and "metrics" not in linked,
    )


def _possible(retention: Retention, kept: _Kept, linked: Collection[str]) -> Retention:
    """The limits without those that must not take anything now."""
    if "metrics" in linked:
        retention = replace(retention, history=Keep())
    if kept.unreadable:
        retention = replace(retention, history=Keep(), artifacts=Keep())  # a pinned run may be among them
    return retention


def _refuse_if_foreign(store: Store) -> None:
    nothing_there = store.local is not None and not store.local.is_dir()
    if not nothing_there and not is_output(store):
        raise UsageError(
            "no runs were ever kept here, so nothing is deleted",
            file=str(store),
            expected="an output, with our .gitignore, tables in metrics/, or a journal",
            hint="give --output DIR, such as .vizart",
        )


def _artifacts(store: Store, kept: _Kept, unwanted: bool, until_s: float | None) -> tuple[Artifacts, tuple[str, ...]]:
    """The artifacts, or that there are too many."""
    if unwanted:
        return Artifacts(), ()
    try:
        return read_artifacts(store, {run.run_id for run in kept.runs}, until_s=until_s), ()
    except TooManyFilesError:
        return Artifacts(), ("there are too many artifacts to look through at a session's end; hint: `vizart clean`",)


class _Kept:
    """What the history knows."""

    def __init__(self, store: Store) -> None:
        self.size_bytes = sum(entry.size_bytes for entry in store.files("metrics", recursive=True))
        history = History(store)
        decisions = history.decisions()
        self.runs: list[KeptRun] = kept_runs(history.runs(columns=RUN_COLUMNS), self.size_bytes)
        self.pinned = {run_id for run_id, decision in decisions.items() if decision.pinned}
        self.decided = {run_id for run_id, decision in decisions.items() if decision.accepted}
        self.busy = busy_sessions(store)
        self.unreadable = unreadable_files(store, "decisions")

    def unfinished(self, store: Store) -> tuple[str, ...]:
        """The noted runs that are gone from `runs`. Where that cannot be read, nobody knows."""
        noted = noted_runs(store)
        if not noted or unreadable_files(store, "runs"):
            return ()
        there = {run.run_id for run in self.runs}
        return tuple(run_id for run_id in noted if run_id not in there)


def _history_part(kept: _Kept, keep: Keep, counted_from_us: int, protected: Mapping[str, str], slack: float) -> Part:
    things = [Thing(run.run_id, run.started_us, run.size_bytes) for run in kept.runs]
    choice = choose(things, keep, now_us=counted_from_us, protected=protected)
    # Taking one run out of a file of thousands means to write it anew: not for each run that is one too many.
    if slack and not choose(things, loosened(keep, slack), now_us=counted_from_us, protected=protected).going:
        choice = Choice(spared=choice.spared)
    test_ids = {run.run_id: run.test_id for run in kept.runs}
    return Part("history", len(things), kept.size_bytes, chosen(things, choice, test_ids), choice.spared)


class _Folders:
    """The run folders with what the history knows of their runs."""

    def __init__(self, kept: _Kept, artifacts: Artifacts, now_us: int) -> None:
        self._artifacts = artifacts
        self._runs = {run.run_id: run for run in kept.runs}
        self._pinned = kept.pinned
        self._busy = kept.busy
        self.under_way: dict[str, str] = {}
        for folder in artifacts.folders:
            reason = self._at_work(folder, now_us)
            if reason is not None:
                self.under_way[folder.name] = reason

    def part(self, keep: Keep, *, now_us: int, counted_from_us: int) -> tuple[Part, dict[str, int]]:
        """Return which folders lose their saved outputs, and which contents of the pool nobody needs then."""
        protected = {**self.under_way, **dict.fromkeys(self._pinned, "pinned")}
        at_us = {folder.name: self._at_us(folder) for folder in self._artifacts.folders}
        things = self._artifacts.things(at_us, protected)
        choice = choose(things, keep, now_us=counted_from_us, protected=protected)
        test_ids = {name: run.test_id for name, run in self._runs.items()}
        going = chosen(things, choice, test_ids)
        unused = self._artifacts.unused([each.name for each in going], older_than_us=now_us - DAY_US)
        total = sum(thing.size_bytes for thing in things)
        return Part("artifacts", len(things), total, going, choice.spared), unused

    def run_files(self, history: Part, artifacts: Part) -> dict[str, int]:
        """Return the folders that go as a whole, with the bytes of what is no saved output in them.

        What tells about saved outputs that stay, stays with them.
        """
        forgotten = {each.name for each in history.going}
        emptied = {each.name for each in artifacts.going}
        return {
            folder.name: folder.other_bytes
            for folder in self._artifacts.folders
            if (folder.name in forgotten and (folder.name in emptied or not folder.contents))
            or (folder.name in emptied and folder.name not in self._runs)
        }

    def unknown(self, store: Store) -> list[RunFolder]:
        """Return the folders without saved outputs whose run is not in the history (any more)."""
        found = [
            folder
            for folder in self._artifacts.folders
            if not (folder.contents or folder.empty or folder.name in self._runs or folder.name in self._pinned)
        ]
        return [] if found and unreadable_files(store, "runs") else found

    def _at_us(self, folder: RunFolder) -> int:
        run = self._runs.get(folder.name)
        return folder.modified_us if run is None else run.started_us

    def _at_work(self, folder: RunFolder, now_us: int) -> str | None:
        """Why somebody may be writing to a folder. Runs under way are not in the history yet."""
        run = self._runs.get(folder.name)
        if run is not None:
            if run.session_id in self._busy:
                return "its session is under way"
            return "younger than an hour" if is_young(now_us, run.finished_us) else None
        if any(folder.modified_us >= begun_us for begun_us in self._busy.values()):
            return "a session is under way that may write to it"
        return "of no known run, and younger than a day" if abs(now_us - folder.modified_us) < DAY_US else None


def _unreadable_note(problems: Sequence[str]) -> tuple[str, ...]:
    if not problems:
        return ()
    return (f"which runs are pinned is not known, so no runs and artifacts go: {problems[0]}; hint: delete the file",)


def _link_notes(store: Store, linked: Sequence[str], retention: Retention, quick: bool) -> tuple[str, ...]:
    limits = {"metrics": retention.history, "logs": retention.logs}
    return tuple(
        f"{store.where(name)}: this is a link, and what lies there is left alone"
        for name in linked
        if not quick or limits.get(name, retention.artifacts)
    )


def _clock_note(counted_from_us: int, now_us: int, retention: Retention) -> tuple[str, ...]:
    limits = (retention.history, retention.logs, retention.artifacts)
    if counted_from_us == now_us or all(keep.age_s is None for keep in limits):
        return ()
    days = (now_us - counted_from_us) // DAY_US
    when = datetime.fromtimestamp(counted_from_us / 1e6, UTC).strftime("%Y-%m-%d")
    return (
        f"nothing was kept in the {days} days before today: in case the clock is wrong, ages are counted from {when}",
    )
