from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.probes import ProcMemory, PsutilMemory, SilencedMemory, memory_probe, usage_reader

needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@needs_proc
def test_proc_and_psutil_agree() -> None:
    proc, other = ProcMemory().rss_bytes(), PsutilMemory().rss_bytes()
    assert proc is not None
    assert other is not None
    assert abs(proc - other) < 20_000_000


def test_a_large_allocation_is_seen() -> None:
    probe = memory_probe()
    before = probe.rss_bytes()
    block = bytearray(os.urandom(1) * 80_000_000)
    after = probe.rss_bytes()
    assert before is not None
    assert after is not None
    assert 70_000_000 < after - before < 120_000_000
    del block
    probe.close()


class FailingMemory:
    def rss_bytes(self) -> int | None:
        raise OSError("gone")

    def close(self) -> None:
        raise OSError("gone")


def test_a_failing_probe_warns_once_and_reads_none() -> None:
    probe = SilencedMemory(FailingMemory())
    with pytest.warns(VizartWarning, match="FailingMemory") as caught:
        assert probe.rss_bytes() is None
    assert len(caught) == 1
    assert probe.rss_bytes() is None
    probe.close()


@pytest.mark.skipif(not hasattr(__import__("resource"), "RUSAGE_THREAD"), reason="needs thread usage")
def test_a_sleep_is_a_voluntary_switch() -> None:
    read = usage_reader()
    before = read()
    time.sleep(0.01)
    after = read()
    assert before is not None
    assert after is not None
    assert after[1] > before[1]
