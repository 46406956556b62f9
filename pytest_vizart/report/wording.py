"""Numbers and names as people read them. Every number is formatted here, so that all reports agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_vizart.records.profile import Leak
from pytest_vizart.records.span import CRASHED, UNFINISHED, SpanTable

NOT_MEASURED = "–"
ELLIPSIS = "…"
_RAISED = "raised"
_ENDINGS = {CRASHED: "died", UNFINISHED: "had not ended"}


def milliseconds(value: float | None) -> str:
    """Milliseconds with three significant digits, without the unit: 0.123, 1.23, 12.3, 1,234."""
    return _three_digits(value)


def aligned_milliseconds(values: Sequence[float | None]) -> list[str]:
    """Milliseconds of one column: as many decimals for all of them as the largest deserves."""
    largest = max((abs(value) for value in values if value is not None and value - value == 0), default=0.0)
    decimals = 0 if largest >= 10_000 else 1 if largest >= 1_000 else 2 if largest >= 1 else 3
    return [_decimals(value, decimals) for value in values]


def megabytes(value: float | None) -> str:
    """MB (10^6 bytes) with one decimal, without the unit."""
    if value is None or value - value != 0:
        return NOT_MEASURED
    return f"{value:,.1f}".replace("-0.0", "0.0") if abs(value) < 0.05 else f"{value:,.1f}"


def per_second(value: float | None) -> str:
    """Items per second with three significant digits: 0.250, 68.0, 12,340."""
    return _three_digits(value)


def leak_sentence(leak: Leak) -> str:
    """`memory grows by 101 kB a sample [95 .. 108] over 400 samples, most in decode`."""
    what = "GPU memory" if leak.resource == "gpu" else "memory"
    size, low, high = (_whole_from_ten(value) for value in (leak.kb_per_sample, leak.low, leak.high))
    where = f", most in {leak.stage}" if leak.stage else ""
    return f"{what} grows by {size} kB a sample [{low} .. {high}] over {plural(leak.points, 'sample')}{where}"


def percent(share: float | None) -> str:
    """A share of 1 in per cent: 62 %, 0.4 %."""
    if share is None or share - share != 0:
        return NOT_MEASURED
    value = share * 100
    return f"{value:.1f} %" if 0 < abs(value) < 1 else f"{value:.0f} %"


def metric_value(value: float | None) -> str:
    """A metric between 0 and 1 with three decimals; larger ones with three significant digits."""
    if value is None or value - value != 0:
        return NOT_MEASURED
    return f"{value:.3f}" if abs(value) <= 1 else _three_digits(value)


def figure(value: float | None) -> str:
    """As `metric_value`, but small ones keep two digits: 0.612, 0.00012, 1.2e-07."""
    if value is None or value - value != 0 or value == 0 or abs(value) >= 0.0095:
        return metric_value(value)
    return f"{value:.2g}"


def compact(count: float) -> str:
    """A count in at most five characters: 812, 12.3k, 4.1M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= 9.995 * unit:
            size = count / unit
            return f"{size:.0f}{name}" if size >= 99.95 else f"{size:.1f}{name}"
    return f"{count:,.0f}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 sample`, `24 samples`, `1,204 samples`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def shortened(text: str, width: int) -> str:
    """At most `width` characters; what is too long loses its middle, since both ends tell names apart."""
    if len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    tail = (width - 1) // 2
    head = width - 1 - tail
    return text[:head] + ELLIPSIS + (text[-tail:] if tail else "")


def printable(text: str) -> str:
    """One line that is safe on a terminal: control characters (escape sequences in file names) become `?`."""
    flat = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in flat)


def encodable(text: str) -> str:
    """Text that UTF-8 can hold: file names that were no valid UTF-8 carry lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def encodable_throughout(value: Any) -> Any:
    """The same plain data with every string made encodable."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(str(key)): encodable_throughout(item) for key, item in value.items()}
    return [encodable_throughout(item) for item in value] if isinstance(value, list | tuple) else value


def listed(names: Iterable[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    every = list(names)
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[:most])} and {len(every) - most:,} more"


def bad_endings(spans: SpanTable) -> dict[str, str]:
    """How the counted spans of each stage went wrong, stages without such spans left out.

    `3 of 72 spans raised`, `4 of 72 spans: 2 raised, 1 died, 1 had not ended`.
    """
    counted = [row for row, warmup in enumerate(spans.warmup) if not warmup]
    every = Counter(spans.stage[row] for row in counted)
    how: dict[str, Counter[str]] = {}
    for row in counted:
        error = spans.error[row]
        if error is not None:
            how.setdefault(spans.stage[row], Counter())[_ENDINGS.get(error, _RAISED)] += 1
    return {stage: _of_spans(counts, every[stage]) for stage, counts in how.items()}


def _of_spans(counts: Counter[str], every: int) -> str:
    of_all = f"of {plural(every, 'span')}"
    if len(counts) == 1:
        return "".join(f"{count:,} {of_all} {how}" for how, count in counts.items())
    listing = ", ".join(f"{counts[how]:,} {how}" for how in (_RAISED, *_ENDINGS.values()) if counts[how])
    return f"{counts.total():,} {of_all}: {listing}"


def unbroken(text: str) -> str:
    """Text whose numbers stay on one line with their units; for pages, not for terminals."""
    return re.sub(r"(?<=\d) (?=%|ms\b|kB\b|MB\b)", "\u00a0", text)


def sentence(text: str) -> str:
    """Text with a full stop."""
    stripped = text.strip()
    return stripped if not stripped or stripped[-1] in ".!?" else f"{stripped}."


def _whole_from_ten(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 9.995 else _three_digits(value)


def _decimals(value: float | None, decimals: int) -> str:
    if value is None or value - value != 0:
        return NOT_MEASURED
    smallest = 10.0**-decimals
    return f"<{smallest:.{decimals}f}" if 0 < value < smallest / 2 else f"{value:,.{decimals}f}"


def _three_digits(value: float | None) -> str:
    if value is None or value - value != 0:
        return NOT_MEASURED
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 0.9995 or size == 0 else f"{value:.3f}"
