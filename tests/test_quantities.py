"""Ages, sizes and modes as users write them."""

from __future__ import annotations

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.quantities import parse_age, parse_artifacts, parse_retention, parse_size
from pytest_vizart.records.keeping import ArtifactModes, Keep, Retention

DAY_S = 86_400.0


@pytest.mark.parametrize(("text", "size_bytes"), [("5GB", 5 * 10**9), ("1.5 mb", 1_500_000), ("2KiB", 2048), ("7B", 7)])
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size(text, "here") == size_bytes


@pytest.mark.parametrize(
    ("text", "age_s"), [("30d", 30 * DAY_S), ("12h", DAY_S / 2), ("2w", 14 * DAY_S), ("1y", 365 * DAY_S)]
)
def test_ages(text: str, age_s: float) -> None:
    assert parse_age(text, "here") == age_s


@pytest.mark.parametrize(
    ("text", "retention"),
    [
        ("30d", Retention(*[Keep(age_s=30 * DAY_S)] * 3)),
        ("30d+500runs+2GB", Retention(*[Keep(30 * DAY_S, 500, 2 * 10**9)] * 3)),
        ("history=1y, logs=90files", Retention(history=Keep(365 * DAY_S), logs=Keep(count=90))),
        ("artifacts=14d+5GB", Retention(artifacts=Keep(14 * DAY_S, None, 5 * 10**9))),
    ],
)
def test_retentions(text: str, retention: Retention) -> None:
    assert parse_retention(text, "here") == retention


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-3d", "30d+20d", "pictures=3d", "logs=3d,logs=4d", "0runs", "1.5runs", "1e9d", "history="]
)
def test_what_is_no_retention_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a retention") as told:
        parse_retention(text, "--vizart-retention")
    assert "hint:" in str(told.value)


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("none", ArtifactModes()),
        ("failures+final", ArtifactModes(failures=True, final=True)),
        ("sample:5", ArtifactModes(samples=5)),
        ("All", ArtifactModes(all=True)),
    ],
)
def test_modes_of_artifacts(text: str, modes: ArtifactModes) -> None:
    assert parse_artifacts(text, "here") == modes
    assert bool(modes) == (text != "none")


@pytest.mark.parametrize("text", ["", "some", "sample", "sample:0", "sample:-1", "none+all", "failures,final"])
def test_what_is_no_mode_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="unknown mode"):
        parse_artifacts(text, "--vizart-artifacts")


@pytest.mark.parametrize("text", ["5", "GB", "5 parsecs", "nan GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        parse_size(text, "--vizart-disk-warn")
