"""What one run's profile tells beside its stages, as the template needs it: memory, gauges, GPU, functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from markupsafe import Markup

from pytest_vizart.records.profile import GpuReading, MeasureTable, OutputSummary, Profile
from pytest_vizart.records.run import RunResult
from pytest_vizart.report.charts import spark_chart
from pytest_vizart.report.drawings import gzipped
from pytest_vizart.report.flame import flame_columns
from pytest_vizart.report.measures import GpuSummary, MeasureSummary, gpu_summary, summed_up, values_of
from pytest_vizart.report.view_memory import MemoryTimeline, memory_timeline
from pytest_vizart.report.wording import encodable_throughout, listed, megabytes, milliseconds, percent, plural

_MOST_GAUGES = 24
_MOST_TALLIES = 60
_MOST_FLAMES = 40  # of 3,000 functions each about 40 kB


@dataclass(frozen=True, slots=True)
class Tile:
    """One quantity over the run: `chart` is SVG."""

    title: str
    where: str
    value: str
    chart: Markup
    low: str
    high: str
    foot: str


@dataclass(frozen=True, slots=True)
class FlameView:
    """`data` is base64 of gzip of the JSON that the browser draws, `anchor` the ID of the element that holds it."""

    anchor: str
    data: str
    facts: str


@dataclass(frozen=True, slots=True)
class ProfileView:
    memory: MemoryTimeline | None
    gauges: tuple[Tile, ...]
    tallies: tuple[tuple[str, str], ...]  # counters, and waits on external services
    gpu: tuple[Tile, ...]
    gpu_facts: str
    throttled: str
    flame: FlameView | None
    notes: tuple[str, ...]


def profile_view(run: RunResult, number: int) -> ProfileView:
    """Everything but the stages.

    Args:
        number: of the run within the page; the last ones of very many go without their functions.
    """
    profile = run.profile
    summaries = summed_up(profile.measures)
    device = gpu_summary(profile.gpu)
    tallies = [_tally(summary) for summary in summaries if summary.kind != "gauge"]
    return ProfileView(
        memory=memory_timeline(run),
        gauges=_gauges(profile.measures, summaries),
        tallies=tuple(tallies[:_MOST_TALLIES]),
        gpu=_gpu_tiles(profile.gpu),
        gpu_facts=_gpu_facts(device) if device else "",
        throttled=listed(device.throttled, 4) if device else "",
        flame=_flame(profile, number) if number < _MOST_FLAMES else None,
        notes=_output_notes(profile),
    )


def _gauges(measures: MeasureTable, summaries: Sequence[MeasureSummary]) -> tuple[Tile, ...]:
    values = values_of(measures)
    gauges = [summary for summary in summaries if summary.kind == "gauge"][:_MOST_GAUGES]
    return tuple(
        Tile(
            title=gauge.name,
            where=f"in {gauge.stage}" if gauge.stage else "",
            value=f"{_number(gauge.mean)} on average",
            chart=spark_chart(values[(gauge.kind, gauge.name, gauge.stage)]),
            low=_number(gauge.min),
            high=_number(gauge.max),
            foot=f"{plural(gauge.count, 'reading')}, last {_number(gauge.last)}",
        )
        for gauge in gauges
    )


def _tally(summary: MeasureSummary) -> tuple[str, str]:
    where = f" in {summary.stage}" if summary.stage else ""
    if summary.kind == "external":
        times = plural(summary.count, "wait")
        told = f"{milliseconds(summary.sum)}\u00a0ms in {times}, {milliseconds(summary.mean)}\u00a0ms each"
        return f"waiting for {summary.name}{where}", f"{told}, {milliseconds(summary.max)}\u00a0ms at most"
    return f"{summary.name}{where}", f"{_number(summary.sum)} in {plural(summary.count, 'count')}"


def _gpu_tiles(readings: Sequence[GpuReading]) -> tuple[Tile, ...]:
    tiles = (
        _gpu_tile("GPU utilisation", [reading.utilisation for reading in readings], percent),
        _gpu_tile("GPU memory in use", [_mb(reading.memory_used) for reading in readings], _megabytes),
        _gpu_tile("GPU memory of this process", [_mb(reading.process_memory) for reading in readings], _megabytes),
    )
    return tuple(tile for tile in tiles if tile is not None)


def _gpu_tile(title: str, values: Sequence[float | None], shown: Callable[[float], str]) -> Tile | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = shown(min(known)), shown(max(known))
    return Tile(title=title, where="", value=shown(known[-1]), chart=spark_chart(known), low=low, high=high, foot="")


def _gpu_facts(device: GpuSummary) -> str:
    facts = [plural(device.readings, "reading")]
    if device.mean_utilisation is not None:
        facts.append(f"{percent(device.mean_utilisation)} busy on average")
    if device.max_memory_mb is not None:
        facts.append(f"at most {_megabytes(device.max_memory_mb)} in use by all processes")
    if device.min_sm_clock_mhz is not None:
        facts.append(f"clock at least {device.min_sm_clock_mhz:,}\u00a0MHz")
    if device.max_temperature_c is not None:
        facts.append(f"up to {device.max_temperature_c}\u00a0°C")
    return " · ".join(facts)


def _flame(profile: Profile, number: int) -> FlameView | None:
    if profile.flame is None:
        return None
    columns = flame_columns(profile.flame)
    shown = len(columns["name"])
    try:
        content = orjson.dumps(columns)
    except TypeError:  # a lone surrogate in a name
        content = orjson.dumps(encodable_throughout(columns))
    samples = plural(profile.flame_samples, "sample in a pass of its own", "samples in a pass of their own")
    facts = f"{samples}, {milliseconds(profile.flame.total_ms)}\u00a0ms, {shown:,} places"
    return FlameView(f"flame-{number}", gzipped(content), facts)


def _output_notes(profile: Profile) -> tuple[str, ...]:
    notes: list[str] = []
    if profile.outputs:
        count = plural(len(profile.outputs), "output")
        cost = f"{milliseconds(profile.outputs_ms)}\u00a0ms"
        notes.append(f"{count} of stages summarised in {cost}, outside of the timed spans.")
    if profile.artifacts_ms:
        notes.append(f"Outputs saved in {milliseconds(profile.artifacts_ms)}\u00a0ms, outside of the timed spans.")
    bad: dict[str, list[OutputSummary]] = {}
    for output in profile.outputs:
        if output.invalid:
            bad.setdefault(output.stage, []).append(output)
    for stage, outputs in bad.items():
        samples = listed((output.sample_id or "outside of samples" for output in outputs), 3)
        holds = "output holds" if len(outputs) == 1 else "outputs hold"
        notes.append(f"{stage}: {len(outputs):,} {holds} numbers that are NaN or infinite ({samples}).")
    return tuple(notes)


def _mb(value: int | None) -> float | None:
    return None if value is None else value / 1e6


def _megabytes(value: float) -> str:
    return f"{megabytes(value)}\u00a0MB"


def _number(value: float) -> str:
    """A reading as people write it: whole numbers without decimals, others with four digits."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}"
