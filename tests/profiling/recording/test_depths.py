"""How deep a stage is measured: levels, short stages, limits that ask for more, probes that fail in mid-run."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.probes.sources import ProcMemory, exact_peak_probe
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.records.span import SpanTable
from tests.profiling.fake_clock import FakeClock, FakeMemory
from tests.profiling.touched import touched

MB = 1_000_000
needs_peak = pytest.mark.skipif(exact_peak_probe() is None, reason="the kernel offers no exact peak")


def one_by_one(recorder: Recorder, clock: FakeClock, walls_ns: list[int]) -> SpanTable:
    for wall_ns in walls_ns:
        with recorder.stage("detect"):
            clock.advance(wall_ns, cpu_ns=wall_ns // 2)
    return recorder.table()


def test_a_short_stage_is_only_timed_from_its_sixth_span_on() -> None:
    clock = FakeClock()
    recorder = Recorder(clock=clock, memory=FakeMemory())
    table = one_by_one(recorder, clock, [199_000] * 8)
    assert table.rss_before == [100 * MB] * 5 + [None] * 3
    assert table.cpu_ns == [99_500] * 8
    assert recorder.timed_only == {"detect"}


def test_a_stage_of_a_fifth_of_a_millisecond_keeps_its_probes() -> None:
    clock = FakeClock()
    recorder = Recorder(clock=clock, memory=FakeMemory())
    table = one_by_one(recorder, clock, [200_000] * 20)
    assert None not in table.rss_before
    assert recorder.timed_only == frozenset()


def test_a_few_short_spans_do_not_make_a_short_stage() -> None:
    clock = FakeClock()
    recorder = Recorder(clock=clock, memory=FakeMemory())
    table = one_by_one(recorder, clock, [100_000, 900_000, 900_000] * 10)
    assert None not in table.rss_before


@pytest.mark.parametrize("limited", [frozenset({"detect"}), frozenset({None})])
def test_a_limit_on_memory_keeps_the_probes_of_a_short_stage(limited: frozenset[str | None]) -> None:
    clock = FakeClock()
    recorder = Recorder(clock=clock, memory=FakeMemory(), memory_stages=limited)
    assert None not in one_by_one(recorder, clock, [1_000] * 20).rss_before


def test_the_calibration_never_loses_its_clocks() -> None:
    clock = FakeClock()
    recorder = Recorder(clock=clock, memory=FakeMemory())
    for _ in range(20):
        with recorder.calibration():
            clock.advance(1_000)
    assert None not in recorder.table().rss_before
    assert recorder.last_stage is None


def test_basic_stays_basic_where_a_peak_is_limited_elsewhere() -> None:
    recorder = Recorder("basic", peak_stages=frozenset({"load"}))
    with recorder.stage("detect"):
        pass
    assert recorder.table().cpu_ns == [None]


@needs_peak
@pytest.mark.parametrize("options", [{"profile": "full"}, {"peak_stages": frozenset({"load"})}])
def test_the_peak_of_a_stage_that_allocates_and_frees_300_mb(options: dict[str, object]) -> None:
    recorder = Recorder(**options)  # type: ignore[arg-type]
    for _ in range(3):
        with recorder.stage("load"):
            block = touched(300 * MB)
            del block
        with recorder.stage("other"):
            pass
    table = recorder.table()
    recorder.close()
    for row in (row for row, stage in enumerate(table.stage) if stage == "load"):
        before, peak, after = table.rss_before[row], table.rss_peak[row], table.rss_after[row]
        assert before is not None
        assert peak is not None
        assert after is not None
        assert peak - before == pytest.approx(300 * MB, rel=0.02)
        assert after - before < 20 * MB
        assert table.peak_exact[row] is True
    of_other = [table.rss_peak[row] for row, stage in enumerate(table.stage) if stage == "other"]
    assert (of_other == [None] * 3) == ("peak_stages" in options)


@needs_peak
def test_the_peak_of_an_outer_stage_holds_that_of_the_inner_ones() -> None:
    recorder = Recorder("full", short_stage_ns=0)
    with recorder.stage("outer"):
        first = touched(100 * MB)
        with recorder.stage("inner"):
            second = touched(80 * MB)
            del second
        del first
        with recorder.stage("light"):
            pass
    table = recorder.table()
    recorder.close()
    above = {
        stage: (peak or 0) - (before or 0)
        for stage, peak, before in zip(table.stage, table.rss_peak, table.rss_before, strict=True)
    }
    assert above["outer"] == pytest.approx(180 * MB, rel=0.05)
    assert above["inner"] == pytest.approx(80 * MB, rel=0.05)
    assert above["light"] < 10 * MB


def test_full_counts_the_bytes_that_a_stage_reads_and_writes(tmp_path: Path) -> None:
    if not Path("/proc/self/io").exists():
        pytest.skip("needs /proc/self/io")
    path = tmp_path / "file"
    recorder = Recorder("full", folder=tmp_path / "journal")
    with recorder.stage("write"):
        path.write_bytes(bytes(200_000))
    with recorder.stage("read"):
        path.read_bytes()
    table = recorder.table()
    recorder.discard()
    assert table.written_bytes == [200_000, 0]
    # Resident memory is read inside: some ten bytes at either edge.
    assert 0 <= (table.read_bytes[0] or 0) < 200
    assert 200_000 <= (table.read_bytes[1] or 0) < 200_200


def test_memory_that_can_no_longer_be_read_is_told_once_and_the_stages_go_on() -> None:
    class Closing(ProcMemory):
        def break_it(self) -> None:
            os.close(self._descriptor)

    memory = Closing()
    recorder = Recorder(memory=memory)
    with recorder.stage("before"):
        pass
    memory.break_it()
    with pytest.warns(VizartWarning, match="memory is no longer measured") as told:
        for _ in range(3):
            with recorder.stage("after"):
                pass
    table = recorder.table()
    recorder.close()
    assert len(told) == 1
    assert table.stage == ["before"] + ["after"] * 3
    assert table.rss_before[1:] == [None] * 3
    assert None not in table.cpu_ns
    assert table.error == [None] * 4


class FailingProbe:
    """A GPU that is lost in mid-run."""

    columns = ("gpu_ns", "gpu_before", "gpu_after", "gpu_peak", "gpu_reserved")

    def __init__(self) -> None:
        self.spans = 0

    def start(self) -> int:
        self.spans += 1
        if self.spans == 3:
            raise OSError("GPU is lost")
        return self.spans

    def settle(self) -> None:
        pass

    def stop(self, begun: int) -> tuple[int | None, ...]:
        return None, 1, 2, 3, 4

    def close(self) -> None:
        pass


def test_a_probe_that_fails_in_mid_run_is_told_once_and_the_stages_go_on() -> None:
    recorder = Recorder(short_stage_ns=0)
    recorder.add_probe(FailingProbe())
    with pytest.warns(VizartWarning, match="GPU is lost") as told:
        for _ in range(5):
            with recorder.stage("detect"):
                pass
    table = recorder.table()
    recorder.close()
    assert len(told) == 1
    assert table.gpu_peak == [3, 3, None, None, None]
    assert table.gpu_ns == [None] * 5
    assert None not in table.cpu_ns


def test_a_probe_that_comes_late_reads_stages_that_are_known_already() -> None:
    recorder = Recorder(short_stage_ns=0)
    with recorder.stage("detect"):
        pass
    recorder.add_probe(FailingProbe())
    with recorder.stage("detect"):
        pass
    assert recorder.table().gpu_after == [None, 2]
    recorder.close()


def test_outputs_are_summarised_once_a_sample_and_off_the_clock() -> None:
    recorder = Recorder()
    large = np.zeros(40 * MB, dtype=np.uint8)
    for pass_index in range(2):
        for sample in ("one", "two"):
            recorder.begin_sample(sample, pass_index=pass_index)
            with recorder.stage("outer"):
                for _ in range(2):
                    with recorder.stage("inner") as stage:
                        stage.output(large)
    summaries = recorder.summaries.summaries
    table = recorder.table()
    cost_ns = recorder.summaries.cost_ns
    recorder.close()
    assert [(summary.stage, summary.sample_id) for summary in summaries] == [("inner", "one"), ("inner", "two")]
    assert len({summary.digest for summary in summaries}) == 1
    outer_ns = [wall for stage, wall in zip(table.stage, table.wall_ns, strict=True) if stage == "outer"]
    assert cost_ns > 100_000
    assert sum(outer_ns[:2]) < cost_ns
    assert all(self_ns >= 0 for self_ns in table.self_ns)


def test_an_output_that_cannot_be_looked_at_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("pytest_vizart.profiling.recording.outputs.summarise", broken)
    recorder = Recorder()
    with pytest.warns(VizartWarning, match="no longer summarised") as told:
        for sample in "abc":
            recorder.begin_sample(sample)
            with recorder.stage("detect") as stage:
                assert stage.output(3) == 3
    recorder.close()
    assert len(told) == 1


def test_gauges_counts_and_waits_know_stage_and_sample() -> None:
    recorder = Recorder()
    recorder.begin_sample("one", pass_index=2)
    with recorder.stage("outer"):
        recorder.record("gauge", "depth", 3.0)
        with recorder.stage("inner"):
            recorder.record("count", "bytes", 4.0)
    recorder.record("external", "api", 5_000)
    measures = recorder.recorded().measures
    recorder.close()
    assert measures.kind == ["gauge", "count", "external"]
    assert measures.stage == ["outer", "inner", None]
    assert measures.sample_id == ["one"] * 3
    assert measures.pass_index == [2] * 3
    assert measures.value == [3.0, 4.0, 5_000]


def test_memory_between_samples_is_noted() -> None:
    memory = FakeMemory(50)
    recorder = Recorder(memory=memory)
    for number, sample in enumerate("ab"):
        memory.rss = 50 + number
        recorder.begin_sample(sample, warmup=not number)
    assert [(point.sample_id, point.warmup, point.rss) for point in recorder.points] == [
        ("a", True, 50),
        ("b", False, 51),
    ]
    recorder.close()


def test_the_journal_itself_is_no_leak(tmp_path: Path) -> None:
    recorder = Recorder(folder=tmp_path)
    time.sleep(0)
    before = ProcMemory().rss_bytes()
    for _ in range(4_000):
        with recorder.stage("detect"):
            pass
    assert ProcMemory().rss_bytes() - before < 300_000  # 640 kB were written
    recorder.discard()
