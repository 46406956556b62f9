"""The recorder: opens and closes spans, and keeps them as rows until somebody asks for the table."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.clock import Clock, SystemClock
from pytest_vizart.profiling.probes import MemoryProbe, NoMemory, memory_probe, usage_reader
from pytest_vizart.records.span import CALIBRATION_STAGE, SPAN_COLUMNS, SpanTable

T = TypeVar("T")

MAX_STAGE_NAMES = 1_000
_NO_USAGE = (None, None, None)

_open_stage: ContextVar[str | None] = ContextVar("vizart_open_stage", default=None)


class Stage:
    """One execution of a stage, as a context manager.

    An exception that leaves the stage is recorded by its type and goes on unchanged.
    """

    __slots__ = ("_before", "_recorder", "_token", "name", "result")

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder = recorder
        self.name = name
        self.result: Any = None

    def output(self, value: T) -> T:
        """Hand over what the stage made; returns it unchanged, and keeps it as `result` of this stage."""
        self.result = value
        return value

    def __enter__(self) -> Stage:
        self._token = _open_stage.set(self.name)
        self._before = self._recorder.read_before()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recorder.close_span(self, self._before, error)
        try:
            _open_stage.reset(self._token)
        except ValueError:  # left in another context than it was entered in, as async fixtures do
            _open_stage.set(None)


class Recorder:
    """Spans of one run.

    `sample_id`, `pass_index`, `warmup` and `items` describe the sample at hand; `begin_sample` sets them.
    """

    def __init__(
        self, profile: str = "detailed", *, clock: Clock | None = None, memory: MemoryProbe | None = None
    ) -> None:
        detailed = profile != "basic"
        self.clock: Clock = clock or SystemClock()
        self.sample_id: str | None = None
        self.pass_index = 0
        self.warmup = False
        self.items = 1
        self.last_stage: str | None = None
        self.failure: tuple[str, BaseException] | None = None
        self._names: set[str] = set()
        self._rows: list[tuple[Any, ...]] = []
        self._detailed = detailed
        self._memory = memory or (memory_probe() if detailed else NoMemory())
        self._usage = usage_reader() if detailed else (lambda: None)

    def stage(self, name: str) -> Stage:
        """Return the context manager of a stage.

        Raises:
            UsageError: the name is not a non-empty string, is reserved, or is the 1,001st distinct one.
        """
        if name not in self._names:
            self._check_name(name)
        return Stage(self, name)

    def calibration(self) -> Stage:
        """Return a span under the reserved name of the calibration workload."""
        return Stage(self, CALIBRATION_STAGE)

    def begin_sample(self, sample_id: str | None, *, pass_index: int = 0, warmup: bool = False, items: int = 1) -> None:
        """Name the sample (or batch) that the following spans belong to."""
        self.sample_id, self.pass_index, self.warmup, self.items = sample_id, pass_index, warmup, items
        self.last_stage = self.failure = None

    def read_before(self) -> tuple[Any, ...]:
        # Wall last here and first in close_span: the probes' own cost stays outside of the measured time.
        clock = self.clock
        if not self._detailed:
            return (clock.wall_ns(),)
        memory, usage = self._memory.rss_bytes(), self._usage()
        return memory, usage, clock.process_cpu_ns(), clock.cpu_ns(), clock.wall_ns()

    def close_span(self, stage: Stage, before: tuple[Any, ...], error: BaseException | None) -> None:
        clock = self.clock
        wall = clock.wall_ns()
        cpu: int | None = None
        process_cpu: int | None = None
        memory_before: int | None = None
        memory_after: int | None = None
        usage: tuple[int | None, ...] = _NO_USAGE
        wall_ns = wall - before[-1]
        if self._detailed:
            cpu = clock.cpu_ns() - before[3]
            process_cpu = clock.process_cpu_ns() - before[2]
            usage_after, memory_after = self._usage(), self._memory.rss_bytes()
            memory_before = before[0]
            if usage_after is not None and before[1] is not None:
                usage = tuple(after - start for after, start in zip(usage_after, before[1], strict=True))
        name = stage.name
        parent = stage._token.old_value
        self._rows.append(
            (
                name,
                parent if isinstance(parent, str) else None,
                self.sample_id,
                self.pass_index,
                self.warmup,
                self.items,
                clock.epoch_us() - wall_ns // 1_000,
                wall_ns,
                cpu,
                process_cpu,
                memory_before,
                memory_after,
                *usage,
                None if error is None else type(error).__name__,
            )
        )
        if name == CALIBRATION_STAGE:
            return
        self.last_stage = name
        if error is not None and (self.failure is None or self.failure[1] is not error):
            self.failure = (name, error)  # the innermost stage; an outer one that it passes changes nothing

    @staticmethod
    def open_stage() -> str | None:
        """The innermost stage that has begun and not ended here, None outside of stages."""
        return _open_stage.get()

    def table(self) -> SpanTable:
        """Return all spans that have ended so far."""
        if not self._rows:
            return SpanTable()
        columns = zip(*self._rows, strict=True)
        return SpanTable(**{name: list(column) for name, column in zip(SPAN_COLUMNS, columns, strict=True)})

    def close(self) -> None:
        """Give the probes' descriptors back."""
        self._memory.close()

    def _check_name(self, name: object) -> None:
        hint = 'name the step of the pipeline, such as vizart_run.stage("detect")'
        if not isinstance(name, str) or not name.strip():
            raise UsageError("a stage needs a name", expected="a non-empty string", found=name, hint=hint)
        if name == CALIBRATION_STAGE or name == "(pipeline)":
            raise UsageError("this stage name is reserved", found=name, hint=hint)
        if len(name) > 200:
            raise UsageError("this stage name is too long", expected="at most 200 characters", found=name, hint=hint)
        if len(self._names) >= MAX_STAGE_NAMES:
            raise UsageError(
                "too many distinct stage names",
                expected=f"at most {MAX_STAGE_NAMES} in one run",
                found=name,
                hint="leave sample numbers and the like out of stage names; the sample is recorded by itself",
            )
        self._names.add(name)
