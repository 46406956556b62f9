from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.probes.sources import (
    IoBytes,
    ProcMemory,
    PsutilMemory,
    exact_peak_probe,
    io_probe,
    memory_probe,
    silenced,
    usage_reader,
)  # fmt: skip
from tests.profiling.touched import touched

needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@needs_proc
def test_proc_and_psutil_agree() -> None:
    proc, other = ProcMemory().rss_bytes(), PsutilMemory().rss_bytes()
    assert abs(proc - other) < 20_000_000


def test_a_large_allocation_is_seen() -> None:
    probe = memory_probe()
    assert probe is not None
    before = probe.rss_bytes()
    block = touched(80_000_000)
    after = probe.rss_bytes()
    assert 70_000_000 < after - before < 120_000_000
    del block
    probe.close()


class FailingMemory:
    def rss_bytes(self) -> int:
        raise OSError("gone")

    def close(self) -> None:
        raise OSError("gone")


def test_a_failing_probe_warns_once_and_reads_none() -> None:
    read = silenced(FailingMemory())
    with pytest.warns(VizartWarning, match="FailingMemory") as caught:
        assert read() is None
    assert len(caught) == 1
    assert read() is None


@pytest.mark.skipif(not hasattr(__import__("resource"), "RUSAGE_THREAD"), reason="needs thread usage")
def test_a_sleep_is_a_voluntary_switch() -> None:
    read = usage_reader()
    assert read is not None
    before = read()
    time.sleep(0.01)
    assert read()[14] > before[14]


needs_peak = pytest.mark.skipif(exact_peak_probe() is None, reason="the kernel offers no exact peak")


@needs_peak
def test_an_inner_reset_does_not_hide_the_outer_peak() -> None:
    probe = exact_peak_probe()
    assert probe is not None
    outer = probe.start()
    block = touched(60_000_000)
    resident = probe.stop(probe.start())[0]
    del block
    (inner_peak,) = probe.stop(probe.start())
    (outer_peak,) = probe.stop(outer)
    assert resident is not None
    assert inner_peak is not None
    assert outer_peak is not None
    assert outer_peak >= resident
    assert outer_peak - inner_peak > 50_000_000
    probe.close()


@needs_peak
def test_what_is_forgotten_counts_for_nobody() -> None:
    probe = exact_peak_probe()
    assert probe is not None
    begun = probe.start()
    low = probe.stop(begun)[0]
    begun = probe.start()
    touched(60_000_000)
    probe.forget()
    high = probe.stop(begun)[0]
    assert low is not None
    assert high is not None
    assert high - low < 30_000_000
    probe.close()


@pytest.mark.skipif(io_probe() is None, reason="needs /proc/self/io")
def test_read_and_written_bytes_are_counted_exactly(tmp_path: Path) -> None:
    path = tmp_path / "file"
    probe = IoBytes()
    begun = probe.start()
    path.write_bytes(bytes(123_456))
    assert probe.stop(begun) == (0, 123_456)
    begun = probe.start()
    descriptor = os.open(path, os.O_RDONLY)
    os.read(descriptor, 100_000)
    assert probe.stop(begun) == (100_000, 0)
    os.close(descriptor)
    probe.close()
