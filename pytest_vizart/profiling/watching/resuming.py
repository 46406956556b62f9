"""Functions that are left and resumed: coroutine functions, generator functions, asynchronous generator functions.

A coroutine's span lasts from its first step to its end, waiting included. A generator's span lasts from its first item
to its end, be it exhausted, closed or abandoned, and pauses at each `yield`: what the consumer does meanwhile is
neither its time nor inside of it. A generator that is given up before its end is no error.

Production code imports this module: it stays light.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from contextlib import nullcontext
from typing import Any

from pytest_vizart.profiling.watching.forwarding import Begin, Span, forwarding

# The original is made at the call's first step, as late as its own code would run; wrong arguments are refused at once,
# by the parameters. Delegating to an asynchronous generator has no syntax: its measuring is written out.
_COROUTINE = """
def make(_vizart_active, _vizart_begin, _vizart_function):
    async def run({parameters}):
        __tracebackhide__ = True
        _vizart_span = _vizart_begin({first}) if _vizart_active else None
        if _vizart_span is None:
            return await _vizart_function({arguments})
        with _vizart_span:
            return _vizart_span.output(await _vizart_function({arguments}))
    return run
"""

_GENERATOR = """
def make(_vizart_active, _vizart_begin, _vizart_function, _vizart_through):
    def run({parameters}):
        __tracebackhide__ = True
        _vizart_span = _vizart_begin({first}) if _vizart_active else None
        _vizart_items = _vizart_function({arguments})
        return (yield from (_vizart_items if _vizart_span is None else _vizart_through(_vizart_items, _vizart_span)))
    return run
"""

_ASYNC_GENERATOR = """
def make(_vizart_active, _vizart_begin, _vizart_function, _vizart_pauses, _vizart_nothing):
    async def run({parameters}):
        __tracebackhide__ = True
        _vizart_span = _vizart_begin({first}) if _vizart_active else None
        _vizart_items = _vizart_function({arguments})
        with _vizart_pauses(_vizart_span) as _vizart_left, _vizart_nothing() if _vizart_span is None else _vizart_span:
            try:
                _vizart_item = await _vizart_items.__anext__()
                while True:
                    _vizart_thrown = None
                    _vizart_left.begin()
                    try:
                        _vizart_sent = yield _vizart_item
                    except GeneratorExit:
                        _vizart_left.end()
                        await _vizart_items.aclose()
                        return
                    except BaseException as _vizart_error:
                        _vizart_thrown = _vizart_error
                    _vizart_left.end()
                    if _vizart_thrown is None:
                        _vizart_item = await _vizart_items.asend(_vizart_sent)
                    else:
                        _vizart_item = await _vizart_items.athrow(_vizart_thrown)
            except StopAsyncIteration:
                return
    return run
"""


def coroutine_stage(function: Any, begin: Begin) -> Any:
    return forwarding(function, begin, _COROUTINE)


def generator_stage(function: Any, begin: Begin) -> Any:
    return forwarding(function, begin, _GENERATOR, _through)


def async_generator_stage(function: Any, begin: Begin) -> Any:
    return forwarding(function, begin, _ASYNC_GENERATOR, _pauses, nullcontext)


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
    with _pauses(span) as pauses, span:
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

    def __enter__(self) -> _NoPauses:
        return self

    def __exit__(self, *_error: object) -> None:
        return None


def _pauses(span: Any) -> Any:
    if span is None:
        return _NoPauses()
    from pytest_vizart.profiling.watching.pausing import Pauses

    return Pauses(getattr(span, "measured", span))
