"""A function around a function, with the very same parameters.

`*args, **kwargs` cost 100 ns a call, and 190 ns with keyword arguments; naming the parameters costs 25 ns. So the code
is generated, once for each list of parameters.

Production code imports this module: it stays light.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from keyword import iskeyword
from types import CodeType, FunctionType, TracebackType
from typing import Any, Protocol

from pytest_vizart.profiling.watching.active import active_recorders

# Flags of code objects, as `inspect` documents them; importing it would cost production code 10 ms.
_VARARGS, _VARKEYWORDS = 0x04, 0x08


class Span(Protocol):
    """One execution of a stage."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def output(self, value: Any, /) -> Any: ...


Begin = Callable[[Any], Span | None]

_TEMPLATE = """
def make(_vizart_active, _vizart_begin, _vizart_function):
    def run({parameters}):
        __tracebackhide__ = True
        if not _vizart_active:
            return _vizart_function({arguments})
        _vizart_span = _vizart_begin({first})
        if _vizart_span is None:
            return _vizart_function({arguments})
        with _vizart_span:
            return _vizart_span.output(_vizart_function({arguments}))
    return run
"""

_ANY = ("*_args, **_kwargs", "*_args, **_kwargs", "_args[0] if _args else None")


def forwarding(function: Any, begin: Begin, template: str = _TEMPLATE, *tools: Any) -> FunctionType:
    """Return a function that looks like `function`, calls it, and measures the call if `begin` says so.

    Args:
        function: its parameters are taken over if it is a plain function, or else any are passed on.
        template: source of a function `make` that makes it, with places for the parameters, the arguments passed on,
            and the first one.
        tools: what `make` takes after the active recorders, `begin` and `function`.
    """
    plain = isinstance(function, FunctionType)
    written = _parameters(function.__code__) if plain else _ANY
    run: FunctionType = _factory(template, *written)(active_recorders, begin, function, *tools)
    if written is not _ANY:
        run.__defaults__, run.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    functools.update_wrapper(run, function, [name for name in functools.WRAPPER_ASSIGNMENTS if hasattr(function, name)])
    return run


@functools.cache
def _factory(template: str, parameters: str, arguments: str, first: str) -> Callable[..., FunctionType]:
    source = template.format(parameters=parameters, arguments=arguments, first=first)
    namespace: dict[str, Any] = {}
    exec(compile(source, "<vizart stage>", "exec"), namespace)
    made: Callable[..., FunctionType] = namespace["make"]
    return made


def _parameters(code: CodeType) -> tuple[str, str, str]:
    """The parameters as they are written in a definition, as they are passed on, and the first positional one."""
    names = list(code.co_varnames)
    positional = names[: code.co_argcount]
    keyword = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    stars = names[code.co_argcount + code.co_kwonlyargcount :]
    rest = stars.pop(0) if code.co_flags & _VARARGS else None
    more = stars.pop(0) if code.co_flags & _VARKEYWORDS else None
    if not all(map(_plain, [*positional, *keyword, *filter(None, (rest, more))])):
        # Compiled from something else than a definition, such as a generator expression, or a name of ours.
        return _ANY
    shown = list(positional)
    if code.co_posonlyargcount:
        shown.insert(code.co_posonlyargcount, "/")
    if rest is not None:
        shown.append(f"*{rest}")
    elif keyword:
        shown.append("*")
    passed = [*positional, *([f"*{rest}"] if rest is not None else []), *(f"{name}={name}" for name in keyword)]
    last = [] if more is None else [f"**{more}"]
    first = positional[0] if positional else "None" if rest is None else f"{rest}[0] if {rest} else None"
    return ", ".join([*shown, *keyword, *last]), ", ".join([*passed, *last]), first


def _plain(name: str) -> bool:
    return (
        name.isidentifier() and not iskeyword(name) and not name.startswith("_vizart_") and name != "__tracebackhide__"
    )
