"""The rules that recommendations follow from.

A rule looks at the figures of one stage and returns a sentence or None. Of the rules on what the time goes for, the
first that has something to say is used; remarks are added to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_vizart.records.profile import Leak
from pytest_vizart.records.stage import StageStats
from pytest_vizart.report.wording import leak_sentence, listed, megabytes, milliseconds, percent, sentence

Figures = dict[str, float | None]

_LARGE_MB = 50.0
_FRESH_MB_PER_MS = 1.0  # 244 page faults: up to a quarter of the time
_READ_MB = 1.0
_WAITING_SHARE = 0.5
_BUSY_SHARE = 0.9
_IDLE_GPU_SHARE = 0.3
_BUSY_GPU_SHARE = 0.8
_COLD_FACTOR, _COLD_MS = 5.0, 10.0
_RARE_FACTOR = 2.0
_UNEVEN_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rules look at: a stage of a run, and its figures. Those that were not measured are None.

    wall_ms, cpu_ms, process_cpu_ms, gpu_ms, fresh_mb: medians over spans. fresh_mb: memory touched for the first time,
    from the page faults. growth_mb, peak_mb: the largest over one span. gpu_busy: mean utilisation of the device while
    the stage ran, 0 to 1.
    """

    stats: StageStats
    services: tuple[str, ...]  # external ones it waited on, the longest waits first
    wall_ms: float
    p95_ms: float
    cpu_ms: float | None
    process_cpu_ms: float | None
    external_ms: float | None
    growth_mb: float | None
    peak_mb: float | None
    fresh_mb: float | None
    read_mb: float | None
    written_mb: float | None
    gpu_ms: float | None
    gpu_busy: float | None
    cold_ms: float | None
    leak: Leak | None  # found, and most of it in this stage

    def figures(self) -> Figures:
        """What the sentences rest on, by name."""
        leak_kb = None if self.leak is None else self.leak.kb_per_sample
        return {name: getattr(self, name) for name in _FIGURES} | {"leak_kb_per_sample": leak_kb}

    @property
    def mean_ms(self) -> float:
        ended = self.stats.spans - self.stats.errors
        return self.stats.total_ms / ended if ended and self.stats.total_ms else self.wall_ms

    @property
    def waits(self) -> bool:
        return self.cpu_ms is not None and self.cpu_ms <= _WAITING_SHARE * self.wall_ms


_FIGURES = (
    "wall_ms", "p95_ms", "cpu_ms", "process_cpu_ms", "external_ms", "growth_mb", "peak_mb", "fresh_mb", "read_mb",
    "written_mb", "gpu_ms", "gpu_busy", "cold_ms",
)  # fmt: skip


# --- what the time goes for


def _external(measured: Measured) -> str | None:
    waited, lasts = measured.external_ms, measured.mean_ms
    if waited is None or waited < _WAITING_SHARE * lasts:
        return None
    service = listed(measured.services) or "external services"
    # Requests in several threads wait at the same time.
    return (
        f"It waits {milliseconds(min(waited, lasts))} of {milliseconds(lasts)} ms on {service}: "
        "ask for several samples at once, ask ahead in another thread, or keep the answers."
    )


def _memory(measured: Measured) -> str | None:
    growth, peak = measured.growth_mb, measured.peak_mb
    if growth is not None and growth >= _LARGE_MB:
        return (
            f"It grows the process by up to {megabytes(growth)} MB in one span: "
            "reuse buffers between samples, or work on a part of the input at a time."
        )
    if measured.fresh_mb is None or measured.fresh_mb < max(_FRESH_MB_PER_MS * measured.wall_ms, 1.0):
        return None
    above = f", its peak is {megabytes(peak)} MB above its start" if peak is not None and peak >= _LARGE_MB else ""
    return (
        f"It touches {megabytes(measured.fresh_mb)} MB of fresh memory in {milliseconds(measured.wall_ms)} ms{above}: "
        "write into arrays that are there already (out=), or work on a part of the input at a time."
    )


def _gpu_bound(measured: Measured) -> str | None:
    gpu, wall = measured.gpu_ms, measured.wall_ms
    if gpu is None or gpu < _BUSY_GPU_SHARE * wall:
        return None
    # While Python prepares the next kernel, the time between two events runs on; and who waits for a GPU spins.
    busy = measured.waits if measured.gpu_busy is None else measured.gpu_busy >= _BUSY_GPU_SHARE
    if not busy:
        return None
    used = "" if measured.gpu_busy is None else f", {percent(measured.gpu_busy)} used"
    return (
        f"It is the GPU that works for {milliseconds(gpu)} of {milliseconds(wall)} ms{used}: "
        "half precision, a smaller input or a smaller model will help, the CPU's part will not."
    )


def _gpu_idle(measured: Measured) -> str | None:
    gpu, wall, cpu = measured.gpu_ms, measured.wall_ms, measured.cpu_ms
    if gpu is None or cpu is None or cpu < _WAITING_SHARE * wall:
        return None
    busy = measured.gpu_busy
    if gpu < _IDLE_GPU_SHARE * wall:
        lead = f"The GPU works for {milliseconds(gpu)} of {milliseconds(wall)} ms"
    elif busy is not None and busy < _IDLE_GPU_SHARE:
        lead = f"The GPU is {percent(busy)} used"
    else:
        return None
    return (
        f"{lead} while the CPU is busy for {milliseconds(cpu)} ms: "
        "larger batches, fewer and larger calls, or preparing the next sample in another thread will keep it fed."
    )


def _input_output(measured: Measured) -> str | None:
    read, written = measured.read_mb or 0.0, measured.written_mb or 0.0
    if not measured.waits or max(read, written) < _READ_MB:
        return None
    moved = f"reads {megabytes(read)} MB" if read >= written else f"writes {megabytes(written)} MB"
    return (
        f"It {moved} per span, and its thread is busy for {milliseconds(measured.cpu_ms)} of "
        f"{milliseconds(measured.wall_ms)} ms: read ahead or write behind in another thread, or store less."
    )


def _waiting(measured: Measured) -> str | None:
    wall, cpu, process = measured.wall_ms, measured.cpu_ms, measured.process_cpu_ms
    if not measured.waits:
        return None
    waited = f"Its thread is busy for {milliseconds(cpu)} of {milliseconds(wall)} ms"
    if process is not None and process > _BUSY_SHARE * wall:
        return f"{waited} while other threads of the process work: look there, or at how the work is handed over."
    return (
        f"{waited} and waits for the rest (file, network, lock or device): "
        "read ahead in another thread, or keep what is read again."
    )


def _parallel(measured: Measured) -> str | None:
    wall, process = measured.wall_ms, measured.process_cpu_ms
    if process is None or process < 1.5 * wall or measured.stats.concurrent:  # other stages' cores are in it
        return None
    return f"It keeps {process / wall:.1f} cores busy: less work per sample will help more than more threads."


def _one_thread(measured: Measured) -> str | None:
    wall, cpu = measured.wall_ms, measured.cpu_ms
    if cpu is None or cpu < _BUSY_SHARE * wall:
        return None
    return (
        f"It computes in one thread for {percent(min(cpu / wall, 1.0))} of its time: "
        "profile its functions, use vectorised or batched calls, or run samples in parallel."
    )


# --- what is worth knowing besides


def _at_once(measured: Measured) -> str | None:
    return "It runs at the same time as others: wall times do not add up." if measured.stats.concurrent else None


def _leak(measured: Measured) -> str | None:
    return None if measured.leak is None else sentence(_capitalised(leak_sentence(measured.leak)))


def _cold(measured: Measured) -> str | None:
    cold, usual = measured.cold_ms, measured.wall_ms
    if cold is None or cold < _COLD_FACTOR * usual or cold < usual + _COLD_MS:
        return None
    return (
        f"Its first call took {milliseconds(cold)} ms, later ones {milliseconds(usual)}: "
        "loading or compiling that can be done before the first sample."
    )


def _uneven(measured: Measured) -> str | None:
    because, names = measured.stats.slow_because, listed(slow.sample_id for slow in measured.stats.slowest)
    if measured.p95_ms < _UNEVEN_FACTOR * measured.wall_ms:
        return sentence(_capitalised(because)) if because else None
    lead = f"Its slowest spans take {measured.p95_ms / measured.wall_ms:.1f} times the median or more"
    if because:
        return f"{lead}: {sentence(because)}"
    return f"{lead}: look at {names}." if names else f"{lead}: look at which samples they are."


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rare(measured: Measured) -> str | None:
    """A stage whose share a few slow spans make: what its median does is not why it is here."""
    if measured.mean_ms < _RARE_FACTOR * measured.wall_ms:
        return None
    names = listed(slow.sample_id for slow in measured.stats.slowest)
    return (
        f"A few slow spans make it so, {milliseconds(measured.mean_ms)} ms in the mean, "
        f"{milliseconds(measured.wall_ms)} ms in the median: look at {names or 'which samples they are'}."
    )


RULES: tuple[Callable[[Measured], str | None], ...] = (
    _external, _rare, _memory, _gpu_bound, _gpu_idle, _input_output, _waiting, _parallel, _one_thread,
)  # fmt: skip
REMARKS: tuple[Callable[[Measured], str | None], ...] = (_at_once, _leak, _cold, _uneven)
