"""Ages, sizes and modes as users write them: `30d`, `5GB`, `500runs`, `failures+final`. Standard library only."""

from __future__ import annotations

import re
from typing import NoReturn

from pytest_vizart.errors import UsageError
from pytest_vizart.records.keeping import KEPT_KINDS, ArtifactModes, Keep, Retention

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_AGES_S = {"h": 3_600, "d": 86_400, "w": 7 * 86_400, "m": 30 * 86_400, "y": 365 * 86_400}
_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_COUNTS = ("runs", "run", "files", "file")
_RETENTION_HINT = "30d keeps 30 days of everything; history=365d,logs=30d,artifacts=14d+5GB+500runs each its own"
_ARTIFACTS_HINT = "failures+final saves the last stage's output, and every stage's of samples that are not correct"


def parse_size(text: str, origin: str) -> int:
    """Return bytes: "5GB" is 5 * 10^9. Raises UsageError."""
    number, unit = _parts(text)
    factor = _SIZES.get(unit.upper())
    if number is None or factor is None:
        raise UsageError(
            "not a size", place=origin, expected="a number with B, KB, MB, GB or TB", found=text, hint="such as 5GB"
        )
    return int(number * factor)


def parse_age(text: str, origin: str) -> float:
    """Return seconds: "30d" is 30 days. Raises UsageError."""
    number, unit = _parts(text)
    factor = _AGES_S.get(unit.lower())
    if number is None or factor is None:
        raise UsageError(
            "not an age",
            place=origin,
            expected="a number with h, d, w, m (30 days) or y",
            found=text,
            hint="such as 30d",
        )
    return number * factor


def parse_retention(text: str, origin: str) -> Retention:
    """Return what is kept: `30d`, `30d+500runs+2GB`, or `history=365d,logs=30d+100MB,artifacts=5GB`.

    Raises:
        UsageError: an unknown kind, or a part that is neither age, size nor count.
    """
    kinds: dict[str, Keep] = {}
    for part in (each.strip() for each in text.split(",")):
        kind, equals, limits = part.partition("=")
        if not equals:
            kind, limits = "", part
        names = KEPT_KINDS if not kind.strip() else (kind.strip().lower(),)
        if not set(names) <= set(KEPT_KINDS):
            _refuse(origin, ", ".join(KEPT_KINDS), kind)
        for name in names:
            if name in kinds:
                _refuse(origin, f"{name} once", text)
            kinds[name] = _keep(limits, origin)
    return Retention(**kinds)


def _keep(limits: str, origin: str) -> Keep:
    age_s: float | None = None
    count: int | None = None
    size_bytes: int | None = None
    for limit in (each.strip() for each in limits.split("+")):
        number, unit = _parts(limit)
        if number is not None and unit.lower() in _AGES_S and age_s is None:
            age_s = parse_age(limit, origin)
        elif number is not None and unit.lower() in _COUNTS and count is None and number == int(number) and number > 0:
            count = int(number)
        elif number is not None and unit.upper() in _SIZES and size_bytes is None:
            size_bytes = parse_size(limit, origin)
        else:
            _refuse(origin, "an age (30d), a count (500runs) or a size (5GB), each once", limit)
    return Keep(age_s, count, size_bytes)


def _refuse(origin: str, expected: str, found: str) -> NoReturn:
    raise UsageError("not a retention", place=origin, expected=expected, found=found, hint=_RETENTION_HINT)


def parse_artifacts(text: str, origin: str) -> ArtifactModes:
    """Return which outputs are saved: none, failures, final, sample:N, all, or several of them joined by +.

    Raises:
        UsageError: another word, or none together with others.
    """
    words = [word.strip().lower() for word in text.split("+")]
    samples = 0
    for word in words:
        name, colon, number = word.partition(":")
        if name == "sample" and colon and number.isdecimal() and int(number) > 0:
            samples = max(samples, int(number))
        elif word not in ("none", "failures", "final", "all") or (word == "none" and len(words) > 1):
            raise UsageError(
                "unknown mode",
                place=origin,
                expected="none, or some of failures, final, sample:N and all, joined by +",
                found=text,
                hint=_ARTIFACTS_HINT,
            )
    return ArtifactModes(failures="failures" in words, final="final" in words, samples=samples, all="all" in words)


def _parts(text: str) -> tuple[float | None, str]:
    found = _NUMBER.fullmatch(text.strip())
    return (None, "") if found is None else (float(found[1]), found[2])
