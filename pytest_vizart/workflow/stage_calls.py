"""How the stages of a checked pipeline are called, plain or asynchronous, each inside of its span."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextvars import copy_context
from types import AsyncGeneratorType, CoroutineType, GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.watching.instrumentation import covering
from pytest_vizart.profiling.watching.shapes import Step

if TYPE_CHECKING:
    import asyncio


class StageCalls:
    """Calls stages. Asynchronous ones share one event loop, from the first of them to the end of the `with` block.

    What a generator yields is taken inside of its stage, and handed on as a list.

    Args:
        open_stage: gives the context manager of one execution of a stage.
    """

    def __init__(self, open_stage: Callable[[str], Any]) -> None:
        self._open_stage = open_stage
        self._asynchronous: set[str] = set()
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> StageCalls:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            self._runner.close()

    def look_at(self, steps: Sequence[Step]) -> None:
        """Tell asynchronous stages by their definition.

        Raises:
            UsageError: an asynchronous generator, or a coroutine function where an event loop is running already.
        """
        for step in steps:
            if inspect.isasyncgenfunction(step.call):
                raise _yields_asynchronously(step.name)
            if inspect.iscoroutinefunction(step.call):
                self._expect_awaitable(step.name)

    def call(self, step: Step, value: Any) -> Any:
        """Return what the stage makes of a value.

        Raises:
            UsageError: it makes an asynchronous generator, or something to be awaited where an event loop is running.
        """
        if step.name in self._asynchronous:
            # The span begins inside of the loop: starting that is no part of the stage.
            return self._run(self._call_and_wait(step, value))
        with covering(step.name), self._open_stage(step.name) as stage:
            result = step.call(value)
            kind = type(result)
            if hasattr(kind, "__await__"):
                self._expect_awaitable(step.name, result)
                result = self._run(_awaited(result))
            return stage.output(_taken(step.name, result))

    async def _call_and_wait(self, step: Step, value: Any) -> Any:
        with covering(step.name), self._open_stage(step.name) as stage:
            result = step.call(value)
            if hasattr(type(result), "__await__"):
                result = await result
            return stage.output(_taken(step.name, result))

    def _expect_awaitable(self, name: str, result: Any = None) -> None:
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._asynchronous.add(name)
            return
        if isinstance(result, CoroutineType):
            result.close()
        raise UsageError(
            f"stage {name!r} is asynchronous, and an event loop is running already",
            place="check()",
            hint="call check() in a plain test function, or await the stages yourself: "
            "`for sample in vizart_run.samples(...): with vizart_run.stage(...): await ...`",
        )

    def _run(self, work: Any) -> Any:
        import asyncio

        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work, context=copy_context())


async def _awaited(result: Any) -> Any:
    return await result


def _taken(name: str, result: Any) -> Any:
    if isinstance(result, AsyncGeneratorType):
        raise _yields_asynchronously(name)
    return list(result) if isinstance(result, GeneratorType) else result


def _yields_asynchronously(name: str) -> UsageError:
    return UsageError(
        f"stage {name!r} is an asynchronous generator",
        place="check()",
        expected="functions, generators and coroutine functions",
        hint="collect what it yields in a coroutine function, and give that",
    )
