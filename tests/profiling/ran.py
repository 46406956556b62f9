"""What a recorder saw, as counts."""

from __future__ import annotations

from collections import Counter

from pytest_vizart.profiling.recording.recorder import Recorder
from tests.profiling.fake_clock import FakeClock, FakeMemory


def new_recorder(clock: FakeClock | None = None, profile: str = "detailed") -> Recorder:
    return Recorder(profile, clock=clock or FakeClock(), memory=FakeMemory())


def ran(recorder: Recorder) -> dict[str, int]:
    """How often each stage ran, as "stage" or "parent > stage"; with " !Error" if an error left it."""
    table = recorder.table()
    rows = zip(table.stage, table.parent, table.error, strict=True)
    return dict(
        Counter(
            (f"{parent} > " if parent else "") + stage + (f" !{error}" if error else "")
            for stage, parent, error in rows
        )
    )
