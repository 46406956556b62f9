"""The further probes of a run: which stage is read by which, and what happens when one fails."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.probes.sources import EdgeProbe, ExactPeak
from pytest_vizart.profiling.recording.span_file import EXACT, GROUPS, NONE, PEAK

Begun = tuple[tuple["SafeProbe", Any], ...]

_PLACES = {columns: (bit, start, Struct(f"<{len(columns)}q")) for bit, (start, columns) in GROUPS.items()}


class SafeProbe:
    """Wraps a probe: its first failure is warned of by name, and from then on it measures nothing."""

    def __init__(self, probe: EdgeProbe) -> None:
        self.probe: EdgeProbe | None = probe
        self.columns = probe.columns
        bit, self.start_at, self.values = _PLACES[probe.columns]
        self.bits = bit | (EXACT if bit == PEAK and isinstance(probe, ExactPeak) else 0)

    def start(self) -> Any:
        try:
            return None if self.probe is None else self.probe.start()
        except TimeoutError:  # of the pipeline's own: a signal struck here
            raise
        except (OSError, ValueError, IndexError) as error:
            self._silence(error)
            return None

    def settle(self) -> None:
        # Unguarded, as in a stage of the pipeline's own: a timeout may strike while it waits for the GPU, and must
        # get through. The probe that waits silences its own failures.
        if self.probe is not None:
            self.probe.settle()

    def stop(self, begun: Any) -> tuple[int | None, ...] | None:
        """Return the values, None where they were not measured."""
        if begun is None or self.probe is None:
            return None
        try:
            return self.probe.stop(begun)
        except TimeoutError:
            raise
        except (OSError, ValueError, IndexError) as error:
            self._silence(error)
            return None

    def forget(self) -> None:
        if isinstance(self.probe, ExactPeak):
            try:
                self.probe.forget()
            except TimeoutError:
                raise
            except OSError as error:
                self._silence(error)

    def close(self) -> None:
        probe, self.probe = self.probe, None
        if probe is not None:
            probe.close()

    def _silence(self, error: Exception) -> None:
        warn(f"{', '.join(self.columns)} no longer measured: {type(self.probe).__name__} failed with {error!r}")
        self.probe = None


class EdgeProbes:
    """Probes of every stage, and probes of the stages that are named.

    Args:
        everywhere: read around every stage.
        peak: read around the stages in `peak_stages`; None in there stands for every stage.
    """

    def __init__(
        self, everywhere: Sequence[EdgeProbe], peak: EdgeProbe | None, peak_stages: frozenset[str | None]
    ) -> None:
        self._everywhere = [SafeProbe(probe) for probe in everywhere]
        self._peak = None if peak is None else SafeProbe(peak)
        self._peak_stages = peak_stages

    @property
    def has_peak(self) -> bool:
        return self._peak is not None

    def of_stage(self, name: str) -> tuple[SafeProbe, ...]:
        """Return the probes of a stage, in the order in which they start; they stop in reverse."""
        if self._peak is None or not (name in self._peak_stages or None in self._peak_stages):
            return tuple(self._everywhere)
        # First, so that the others count the least of what it reads and writes itself.
        return (self._peak, *self._everywhere)

    def add(self, probe: EdgeProbe) -> None:
        """Read one more probe around every stage from now on."""
        self._everywhere.insert(0, SafeProbe(probe))

    def forget(self) -> None:
        """Take what profiling itself used just now out of the peaks of the spans that are open."""
        if self._peak is not None:
            self._peak.forget()

    def close(self) -> None:
        for probe in (*self._everywhere, *((self._peak,) if self._peak is not None else ())):
            probe.close()


def start(probes: Sequence[SafeProbe]) -> Begun:
    return tuple((probe, probe.start()) for probe in probes)


def stop(begun: Begun, buffer: Any, offset: int) -> int:
    """Write what the probes measured into a span's record; returns the bits of the groups that are there now."""
    bits = 0
    for probe, started in reversed(begun):
        values = probe.stop(started)
        if values is not None and any(value is not None for value in values):
            probe.values.pack_into(buffer, offset + probe.start_at, *(NONE if v is None else v for v in values))
            bits |= probe.bits
    return bits
