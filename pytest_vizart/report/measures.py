"""Gauges, counters, waits and GPU readings, each as the few numbers that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from pytest_vizart.records.profile import GpuReading, MeasureTable

MeasureKey = tuple[str, str, str | None]
"""Kind, name, stage."""

_NS_PER_MS = 1e6
_MB = 1e6


@dataclass(frozen=True, slots=True)
class MeasureSummary:
    """All values of one name in one stage, warm-up left out; of waits on external services milliseconds."""

    kind: str  # gauge, count, external
    name: str
    stage: str | None
    count: int
    last: float
    min: float
    max: float
    mean: float
    sum: float


@dataclass(frozen=True, slots=True)
class GpuSummary:
    """The device over one run; None where the driver does not tell."""

    readings: int
    max_memory_mb: float | None  # in use on the device, by all processes
    max_process_memory_mb: float | None
    mean_utilisation: float | None  # 0 to 1
    min_sm_clock_mhz: int | None
    max_temperature_c: int | None
    throttled: tuple[str, ...]


def summed_up(measures: MeasureTable) -> tuple[MeasureSummary, ...]:
    """Return one summary for each kind, name and stage, in the order in which they first came."""
    return tuple(_summary(key, values) for key, values in values_of(measures).items())


def values_of(measures: MeasureTable) -> dict[MeasureKey, list[float]]:
    """Return the values by kind, name and stage, in the order in which they came; warm-up and what is no number are
    left out.
    """
    found: dict[MeasureKey, list[float]] = {}
    for row, kind in enumerate(measures.kind):
        value = measures.value[row]
        if measures.warmup[row] or value - value != 0:
            continue
        key = (kind, measures.name[row], measures.stage[row])
        found.setdefault(key, []).append(value / _NS_PER_MS if kind == "external" else value)
    return found


def gpu_summary(readings: Sequence[GpuReading]) -> GpuSummary | None:
    """Return the device over the run, None without a reading."""
    if not readings:
        return None
    memory = [reading.memory_used for reading in readings if reading.memory_used is not None]
    own = [reading.process_memory for reading in readings if reading.process_memory is not None]
    busy = [reading.utilisation for reading in readings if reading.utilisation is not None]
    clocks = [reading.sm_clock_mhz for reading in readings if reading.sm_clock_mhz is not None]
    warmth = [reading.temperature_c for reading in readings if reading.temperature_c is not None]
    return GpuSummary(
        readings=len(readings),
        max_memory_mb=max(memory) / _MB if memory else None,
        max_process_memory_mb=max(own) / _MB if own else None,
        mean_utilisation=fmean(busy) if busy else None,
        min_sm_clock_mhz=min(clocks, default=None),
        max_temperature_c=max(warmth, default=None),
        throttled=tuple(dict.fromkeys(reason for reading in readings for reason in reading.throttled)),
    )


def _summary(key: MeasureKey, values: list[float]) -> MeasureSummary:
    kind, name, stage = key
    return MeasureSummary(
        kind=kind,
        name=name,
        stage=stage,
        count=len(values),
        last=values[-1],
        min=min(values),
        max=max(values),
        mean=fmean(values),
        sum=sum(values),
    )
