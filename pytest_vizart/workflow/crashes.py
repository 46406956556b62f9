"""Runs whose process died under them: what their span journals tell, above all where they were."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.profiling.recording.span_reading import Place, ReadFile, read_files
from pytest_vizart.profiling.recording.span_table import Recorded, join_files
from pytest_vizart.records.profile import Profile
from pytest_vizart.records.run import RunInfo, RunResult

_MOST_THREADS = 1_000
_YEAR_2200_US = 7_258_118_400_000_000
_LONGEST_NS = 10 * 366 * 86_400 * 10**9  # ten years: no run takes that long


@dataclass(frozen=True, slots=True)
class Crash:
    """A run that its process did not live to end. `stage` is None if it died outside of all stages."""

    result: RunResult
    stage: str | None
    sample_id: str | None
    input_path: str | None
    journal: str
    """Token of the span journals that tell of it."""

    def told(self) -> str:
        """Return one line for people."""
        return f"{self.result.info.test_id}: {self.result.info.error}"


def died(stage: str | None, place: Place, what: str = "the process") -> str:
    """Return where a process died, for people."""
    where = f"in stage {stage}" if stage else "outside of all stages"
    sample = f" on sample {place.sample_id}" if place.sample_id else ""
    file = f" ({place.input_path})" if place.input_path else ""
    return " ".join(f"{what} died {where}{sample}{file}".split())


def crashed_runs(
    folder: Path, *, session_id: str, finished: Collection[str], on_damage: Callable[[str], None]
) -> list[Crash]:
    """Return the runs that journals in this folder were left of; what is damaged is reported and left out.

    A run that is finished all the same, since others of its items ran in other processes, is there only if a stage was
    open: else its process died after it had ended.
    """
    told: list[str] = []

    def tell(message: str) -> None:
        told.append(message)
        on_damage(message)

    files = []
    for file in read_files(folder, on_damage=tell):
        known = any(file.name in message for message in told)  # a journal is two files: one word is enough
        files.append(_sound(file, folder, (lambda message: None) if known else tell))
    by_run: dict[str, list[ReadFile]] = {}
    for file in files:
        if file.header.get("parent") is None and "run_id" in file.header:
            by_run.setdefault(file.name, [file])
    owners = {_token(name): name for name in by_run}
    for file in files:
        owner = owners.get(_token(file.name))
        if owner is not None and file.name != owner:
            by_run[owner].append(file)
    crashes = []
    for name, parts in by_run.items():
        try:
            crashes.append(_crash(parts, session_id))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            on_damage(f"{folder / name}.spans: this span journal is damaged and is left out ({type(error).__name__})")
    return [crash for crash in crashes if crash.stage or crash.result.info.run_id not in finished]


def _token(name: str) -> str:
    """What the journals of one run have in common; process and number follow."""
    return name.rsplit("-", 2)[0]


def _sound(file: ReadFile, folder: Path, on_damage: Callable[[str], None]) -> ReadFile:
    """Return a journal without records that cannot be: of impossible times, or far behind the last one."""
    records, begin_ns = file.records, int(file.header["clock_ns"])
    used = np.flatnonzero(records["stage"])
    since_ns = np.abs(records["start"][used].astype(float) - begin_ns)
    wall_ns = records["wall"][used]
    ended = records["groups"][used] != 0
    wrong = ended & ((since_ns > _LONGEST_NS) | (wall_ns < 0) | (wall_ns > _LONGEST_NS))
    # Records are taken one after the other; threads that have taken one write theirs a moment later.
    wrong |= np.cumsum(np.diff(used, prepend=-1) > _MOST_THREADS) > 0
    nameless = ~np.isin(records["stage"][used], list(file.stages)) & ~wrong
    if wrong.any() or nameless.any():
        on_damage(
            f"{folder / file.name}.spans: this span journal is damaged: {int(wrong.sum())} spans are left out, "
            f"and of {int(nameless.sum())} the stage is not known"
        )
    if not wrong.any():
        return file
    records = records.copy()
    records["stage"][used[wrong]] = 0
    return replace(file, records=records)


def _crash(files: list[ReadFile], session_id: str) -> Crash:
    recorded = join_files(files, is_alive=lambda pid: False)
    stage, place = _where(files, recorded)
    result = _result(files[0].header, recorded, session_id, died(stage, place))
    return Crash(result, stage, place.sample_id, place.input_path, _token(files[0].name))


def _where(files: list[ReadFile], recorded: Recorded) -> tuple[str | None, Place]:
    """The innermost open stage; without one, the sample that was begun last."""
    own = join_files(files[:1], is_alive=lambda pid: False).unfinished if len(files) > 1 else recorded.unfinished
    if own or recorded.unfinished:  # a child that was at work died of it
        return (own or recorded.unfinished)[-1]
    places = files[0].places
    return None, places[max(places)] if places else Place()


def _result(header: Mapping[str, Any], recorded: Recorded, session_id: str, error: str) -> RunResult:
    spans = recorded.table
    started_us = int(header["epoch_us"])
    if not 0 <= started_us < _YEAR_2200_US:
        raise ValueError("no time of day")
    info = RunInfo(
        run_id=str(header["run_id"]),
        session_id=session_id,
        test_id=str(header.get("test_id")),
        dataset=header.get("dataset"),
        dataset_digest=None,
        started_us=started_us,
        finished_us=max((start + wall // 1_000 for start, wall in zip(spans.started_us, spans.wall_ns, strict=True)),
                        default=started_us),
        status="error",
        samples=len({sample for sample in spans.sample_id if sample is not None}),
        passes=max(spans.pass_index, default=0) + 1,
        warmup=0,
        profile=str(header.get("profile")),
        not_accepted_because="the process died",
        partial=True,
        error=error,
        accepted_latency=False,
    )  # fmt: skip
    stages = stage_stats(spans, recorded.measures)
    return RunResult(info=info, spans=spans, stages=stages, profile=Profile(measures=recorded.measures))
