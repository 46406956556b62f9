"""Functions that are left and resumed: coroutine functions, generator functions, asynchronous generator functions.

A coroutine's span lasts from its first step to its end, waiting included. A generator's span lasts from its first item
to its end, be it exhausted, closed or abandoned, and pauses at each `yield`: what the consumer does meanwhile is
neither its time nor inside of it. A generator that is given up before its end is no error.

Production code imports this module: it stays light.
"""

from __future__ import annotations

import functools
import types
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import nullcontext
from typing import Any

from pytest_vizart.profiling.watching.active import active_recorders
from pytest_vizart.profiling.watching.forwarding import Begin, Span


def coroutine_stage(function: Any, begin: Begin) -> Any:
    @_like(function)
    async def run(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        span = begin(args[0] if args else None) if active_recorders else None
        if span is None:
            return await function(*args, **kwargs)
        with span:
            return span.output(await function(*args, **kwargs))

    return run


def generator_stage(function: Any, begin: Begin) -> Any:
    @_like(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        __tracebackhide__ = True
        span = begin(args[0] if args else None) if active_recorders else None
        generator = function(*args, **kwargs)
        return (yield from (generator if span is None else _through(generator, span)))

    return run


def async_generator_stage(function: Any, begin: Begin) -> Any:
    @_like(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        __tracebackhide__ = True
        span = begin(args[0] if args else None) if active_recorders else None
        generator = function(*args, **kwargs)
        with nullcontext() if span is None else span:
            pauses = _pauses(span)
            try:
                item = await generator.__anext__()
                while True:
                    thrown = None
                    pauses.begin()
                    try:
                        sent = yield item
                    except GeneratorExit:
                        pauses.end()
                        await generator.aclose()
                        return
                    except BaseException as error:  # noqa: BLE001 - passed on to the generator
                        thrown = error
                    pauses.end()
                    item = await (generator.asend(sent) if thrown is None else generator.athrow(thrown))
            except StopAsyncIteration:
                return

    return run


def _generator_coroutine_stage(function: Any, begin: Begin) -> Any:
    return types.coroutine(generator_stage(function, begin))


# Flags of code objects, as `inspect` documents them. A generator that can be awaited has two of them.
RESUMED_KINDS = (
    (0x100, _generator_coroutine_stage),
    (0x80, coroutine_stage),
    (0x20, generator_stage),
    (0x200, async_generator_stage),
)


def _through(generator: Generator[Any, Any, Any], span: Span) -> Generator[Any, Any, Any]:
    with span:
        pauses = _pauses(span)
        try:
            item = next(generator)
            while True:
                thrown = None
                pauses.begin()
                try:
                    sent = yield item
                except GeneratorExit:
                    pauses.end()
                    generator.close()
                    return None
                except BaseException as error:  # noqa: BLE001 - passed on to the generator
                    thrown = error
                pauses.end()
                item = generator.send(sent) if thrown is None else generator.throw(thrown)
        except StopIteration as end:
            return end.value


class _NoPauses:
    """Of a generator that is not measured."""

    def begin(self) -> None:
        return None

    def end(self) -> None:
        return None


def _pauses(span: Any) -> Any:
    if span is None:
        return _NoPauses()
    from pytest_vizart.profiling.watching.pausing import Pauses

    return Pauses(getattr(span, "measured", span))


def _like(function: Any) -> Callable[[Any], Any]:
    present = [name for name in functools.WRAPPER_ASSIGNMENTS if hasattr(function, name)]
    return functools.wraps(function, assigned=present)
