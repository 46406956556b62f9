"""What is kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

KEPT_KINDS = ("history", "logs", "artifacts")


@dataclass(frozen=True, slots=True)
class Keep:
    """Limits of one kind; None sets no limit. What exceeds any of them goes, oldest first."""

    age_s: float | None = None
    count: int | None = None  # runs; of logs, files
    size_bytes: int | None = None

    def __bool__(self) -> bool:
        return self != Keep()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long history, logs and artifacts are kept; for ever where nothing is said."""

    history: Keep = field(default_factory=Keep)
    logs: Keep = field(default_factory=Keep)
    artifacts: Keep = field(default_factory=Keep)

    def __bool__(self) -> bool:
        return bool(self.history or self.logs or self.artifacts)


@dataclass(frozen=True, slots=True)
class ArtifactModes:
    """Which stage outputs are saved by themselves."""

    failures: bool = False  # every stage's, of samples that are not correct
    final: bool = False  # the last stage's, of every sample
    samples: int = 0  # every stage's, of the first N samples
    all: bool = False  # every stage's, of every sample

    def __bool__(self) -> bool:
        return self.failures or self.final or self.all or self.samples > 0
