"""What `vizart_run` is under --vizart-off: the test runs as it is, nothing is measured, written or judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample
from pytest_vizart.profiling.watching.watch import Watch
from pytest_vizart.workflow.pipelines import check_pipeline
from pytest_vizart.workflow.sampling import batched

T = TypeVar("T")


class InertStage:
    """A stage that measures nothing."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def output(self, value: T) -> T:
        return value

    def __enter__(self) -> InertStage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class InertRun:
    """The same methods as `Run`, each sample once, and no effect."""

    def __init__(self, test_id: str) -> None:
        self.test_id = test_id
        self.run_id = ""
        self.profile = "off"
        self.passes = 0
        self.warmup = 0
        self.dataset: GoldenDataset | None = None
        self.seen: dict[str, GoldenSample] = {}

    def log(self, event: str, /, *, level: str = "INFO", **fields: Any) -> None:
        return None

    def samples(self, dataset: GoldenDataset) -> Iterator[GoldenSample]:
        return iter(dataset)

    def batches(self, dataset: GoldenDataset, size: int) -> Iterator[list[GoldenSample]]:
        return iter(batched(list(dataset), size))

    def stage(self, name: str) -> InertStage:
        return InertStage(name)

    def gauge(self, name: str, value: float) -> None:
        return None

    def count(self, name: str, amount: float = 1) -> None:
        return None

    def external(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()

    def predict(self, value: Any, **_: Any) -> None:
        return None

    def golden(self, value: Any, **_: Any) -> None:
        return None

    @property
    def progress(self) -> dict[str, Any]:
        return {}

    def check(
        self,
        pipeline: Any,
        dataset: GoldenDataset,
        *,
        input: Any = "path",  # noqa: A002 - the public name
        output: Any = None,
        on_error: str = "continue",
        **forms: Any,
    ) -> None:
        __tracebackhide__ = True
        check_pipeline(self, pipeline, dataset, source=input, output=output, on_error=on_error, **forms)

    def watch(self, *targets: Any) -> Watch:
        return Watch(())

    def save(self, name: str, value: Any, *, stage: str | None = None) -> Path | None:
        return None

    def uses(self, path: str | PathLike[str]) -> Path:
        return Path(path)

    def failed_stage(self, error: BaseException) -> None:
        return None

    def record_failure(self, error: BaseException) -> None:
        return None
