"""The samples on which a stage takes longest, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.span import SpanTable
from pytest_vizart.records.stage import SlowSample

FloatArray = NDArray[np.float64]
Facts = Mapping[str, float | None]
"""What is known of one sample's input: {"size": bytes, "pixels": ..., "objects": labelled objects}."""

SHOWN = 5
MIN_SAMPLES = 10
MIN_CORRELATION = 0.6
MIN_SPREAD = 1.2  # the slowest over the median: below it there is nothing to explain
_ERROR_RATE = 0.01
_NS_PER_MS = 1e6


def sample_times(spans: SpanTable, rows: Sequence[int]) -> dict[str, float]:
    """Return, for each sample of these rows, the median over passes of its wall time in milliseconds.

    Several spans within one sample and pass are summed; a batch keeps its joined ID; rows outside of samples are left
    out.

    Args:
        rows: without those inside of a span of the same stage, which times them already.
    """
    passes: dict[str, dict[int, int]] = {}
    for row in rows:
        sample = spans.sample_id[row]
        if sample is not None:
            of_sample = passes.setdefault(sample, {})
            number = spans.pass_index[row]
            of_sample[number] = of_sample.get(number, 0) + spans.wall_ns[row]
    return {sample: median(of_sample.values()) / _NS_PER_MS for sample, of_sample in passes.items()}


def slowest(times_ms: Mapping[str, float], count: int = SHOWN) -> tuple[SlowSample, ...]:
    """Return the samples that take longest, slowest first; equal ones in the order given. None if there is but one."""
    if len(times_ms) < 2:
        return ()
    ordered = sorted(times_ms, key=lambda sample: -times_ms[sample])
    return tuple(SlowSample(sample, times_ms[sample]) for sample in ordered[:count])


def what_they_share(times_ms: Mapping[str, float], facts: Mapping[str, Facts]) -> str | None:
    """Return what the slowest samples have in common, or None where nothing is sure or their times hardly differ.

    A fact is named when its rank correlation with time (Spearman; ties have their mean rank) over at least 10 samples
    is 0.6 or more and surely not zero: 1 % error for all facts together (Fisher's transformation, standard error as in
    Fieller, Hartley and Pearson, 1957).
    """
    if len(times_ms) < MIN_SAMPLES or max(times_ms.values()) < MIN_SPREAD * median(times_ms.values()):
        return None
    known = {sample: _facts_of(sample, facts) for sample in times_ms}
    names = list(dict.fromkeys(name for of_sample in known.values() for name in of_sample))
    found = [(_correlation(times_ms, known, name), name) for name in names]
    sure = [(rho, name) for rho, name in found if rho is not None and abs(rho) >= _least(times_ms, known, name, names)]
    if not sure:
        return None
    rho, name = max(sure, key=lambda each: abs(each[0]))
    return _sentence(times_ms, known, name, rho)


def rank_correlation(first: FloatArray, second: FloatArray) -> float | None:
    """Return Spearman's rank correlation of two (N,) arrays, None where one of them is constant."""
    ranks = [_ranks(values) - (len(values) + 1) / 2 for values in (first, second)]
    scale = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / scale if scale else None


def _ranks(values: FloatArray) -> FloatArray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[inverse]
    return ranks


def _facts_of(sample: str, facts: Mapping[str, Facts]) -> dict[str, float]:
    """The facts of one sample; of a batch, the sums over its members where all of them are known."""
    members = [sample] if sample in facts else sample.split("|")
    known = [facts.get(member, {}) for member in members]
    sums: dict[str, float] = {}
    for name in known[0]:
        values = [of_member.get(name) for of_member in known]
        given = [float(value) for value in values if value is not None]
        if len(given) == len(values):
            sums[name] = sum(given)
    return sums


def _correlation(times_ms: Mapping[str, float], known: Mapping[str, Facts], name: str) -> float | None:
    samples = [sample for sample in times_ms if name in known[sample]]
    if len(samples) < MIN_SAMPLES:
        return None
    values = np.array([known[sample][name] for sample in samples], np.float64)
    return rank_correlation(np.array([times_ms[sample] for sample in samples]), values)


def _least(times_ms: Mapping[str, float], known: Mapping[str, Facts], name: str, names: Sequence[str]) -> float:
    """The smallest correlation that is surely not zero, 0.6 at least."""
    samples = sum(name in known[sample] for sample in times_ms)
    quantile = NormalDist().inv_cdf(1 - _ERROR_RATE / (2 * len(names)))
    return max(MIN_CORRELATION, float(np.tanh(quantile * np.sqrt(1.06 / (samples - 3)))))


def _sentence(
    times_ms: Mapping[str, float], known: Mapping[str, dict[str, float]], name: str, rho: float
) -> str | None:
    slow = [known[each.sample_id][name] for each in slowest(times_ms) if name in known[each.sample_id]]
    every = [known[sample][name] for sample in times_ms if name in known[sample]]
    if not slow:
        return None
    low, high = sorted((median(slow), median(every)))
    # Ranks may agree where the values hardly differ, which explains nothing.
    if high < MIN_SPREAD * low or (median(slow) > median(every)) != (rho > 0):
        return None
    most, fewest, shown = _WORDS.get(name, (f"those with the most {name}", f"those with the least {name}", _count))
    what = most if rho > 0 else fewest
    figures = f"{shown(median(slow))} against {shown(median(every))} in the median"
    return f"the slowest are {what}: {figures} (rank correlation {rho:.2f})"


def _bytes(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.1f} MB"
    return f"{value / 1e3:.0f} kB" if value >= 1e4 else f"{value / 1e3:.1f} kB"


def _megapixels(value: float) -> str:
    return f"{value / 1e6:.2f} megapixels"


def _count(value: float) -> str:
    return f"{value:,.4g}" if value < 1e4 else f"{value:,.0f}"


_WORDS: dict[str, tuple[str, str, Callable[[float], str]]] = {
    "size": ("the largest inputs", "the smallest inputs", _bytes),
    "pixels": ("the largest images", "the smallest images", _megapixels),
    "objects": ("those with the most objects", "those with the fewest objects", _count),
}
