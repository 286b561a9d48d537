"""A training as data: which function of this package, on which setup, trials and model.

What goes to a worker is such a call, JSON and arrays: never code, and nothing that a record names.
A decorated function makes one block of `store`; the call under way is what the block can be had by.
"""

from __future__ import annotations

import functools
import inspect
import io
import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np

from mrpcheck.events import Captured, Plateau
from mrpcheck.late import torch
from mrpcheck.models import Classifier, Encoder
from mrpcheck.objectives import OwnObjective
from mrpcheck.seeds import Facts, Trials
from mrpcheck.setups import Setup

__all__ = ["Arrays", "Call", "arrays_of", "bytes_of", "call_under_way", "read_call", "trains_block"]

Arrays = dict[str, np.ndarray]
Function = TypeVar("Function", bound=Callable[..., Any])

MODULES = ("training", "measures", "downstream")  # where decorated functions are
MODELS = {"Encoder": Encoder, "Classifier": Classifier}
EVENTS = {"Captured": Captured, "Plateau": Plateau}
PLAIN = (str, int, float, bool, type(None))
READING = (ValueError, TypeError, LookupError, OSError, EOFError, RecursionError, BadZipFile)

_functions: dict[str, Callable[..., Any]] = {}
_under_way: ContextVar[_UnderWay | None] = ContextVar("call", default=None)


@dataclass
class _UnderWay:
    """A decorated call that is being answered, and the one block that it was found to ask for."""

    function: str
    given: inspect.BoundArguments
    block: str | None = None


@dataclass(frozen=True)
class Call:
    """A function of this package by name, and its arguments.

    `arguments` are as they were given: plain values, a `Setup`, `Trials`, an `Encoder` or a
    `Classifier`, an event to stop at.
    """

    function: str
    arguments: dict[str, Any] = field(repr=False)

    @property
    def trials(self) -> Trials:
        """The trials of the block."""
        (found,) = [value for value in self.arguments.values() if isinstance(value, Trials)]
        return found

    @property
    def divides(self) -> bool:
        """Whether parts of it make the whole: every model has the very trials that are asked for.

        A measure takes the trials of its model, whatever trials it is called with.
        """
        models = [value for value in self.arguments.values() if type(value) in MODELS.values()]
        return all(model.trials.numbers == self.trials.numbers for model in models)

    def part(self, begin: int, end: int) -> Call:
        """The same call for trials `begin` to `end` - 1 of the block, counted from 0."""
        return Call(self.function, {n: _part(v, begin, end) for n, v in self.arguments.items()})

    def write(self) -> tuple[str, bytes]:
        """The call as JSON and an archive of arrays; TypeError for what neither can hold."""
        arrays: Arrays = {}
        content = {name: _encode(name, value, arrays) for name, value in self.arguments.items()}
        return json.dumps({"function": self.function, "arguments": content}), bytes_of(arrays)

    def make(self) -> Any:
        """Call it here."""
        return _functions[self.function](**self.arguments)


def trains_block(function: Function) -> Function:
    """Mark a function that asks `store` for one block: workers may be asked for it by name."""
    name = f"{function.__module__.removeprefix('mrpcheck.')}.{function.__qualname__}"
    signature = inspect.signature(function)
    _functions[name] = function

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        token = _under_way.set(_UnderWay(name, signature.bind(*args, **kwargs)))
        try:
            return function(*args, **kwargs)
        finally:
            _under_way.reset(token)

    return called  # type: ignore[return-value]


def call_under_way(block: str) -> Call | None:
    """The innermost decorated call that is being answered, if `block` is what it asks for.

    None outside of all, and for another block than the first that was asked for: what is made on
    the way to a block is not what the call gives.
    """
    found = _under_way.get()
    if found is None or found.block not in (None, block):
        return None
    found.block = block
    return Call(found.function, dict(found.given.arguments))


def read_call(text: str, arrays: bytes) -> Call:
    """What `Call.write` wrote; ValueError for anything else, and for a function not known here."""
    for module in MODULES:
        import_module(f"mrpcheck.{module}")
    try:
        content, held = json.loads(text), arrays_of(arrays)
        function, given = content["function"], dict(content["arguments"])
        known = function in _functions
    except READING as error:
        raise ValueError(f"call = {error!r}, but should be what was written [worker]") from None
    if not known:
        raise ValueError(
            f"function = {function!r}, but should be one of {', '.join(sorted(_functions))} "
            "[worker]"
        )
    try:
        arguments = {name: _decode(value, held) for name, value in given.items()}
        inspect.signature(_functions[function]).bind(**arguments)
    except (TypeError, LookupError, AttributeError) as error:
        raise ValueError(
            f"arguments = {error!r}, but should be those of {function} [worker]"
        ) from None
    return Call(function, arguments)


def bytes_of(arrays: Arrays) -> bytes:
    """An archive of arrays that is read without pickle; TypeError for arrays of objects."""
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{name} = an array of objects, but should be of plain numbers")
    held = io.BytesIO()
    np.savez(held, **arrays)  # type: ignore[arg-type]
    return held.getvalue()


def arrays_of(content: bytes) -> Arrays:
    """What `bytes_of` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def _encode(name: str, value: Any, arrays: Arrays) -> Any:
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Setup):
        _check_known(value)
        return {"is": "Setup", "content": value.to_json()}
    if isinstance(value, Trials):
        content = asdict(replace(value, facts=Facts()))
        content |= {"fixed": sorted(value.fixed), "redrawn": sorted(value.redrawn)}
        del content["facts"], content["patient"]
        return {"is": "Trials", "content": content}
    if type(value) in EVENTS.values():
        return {"is": type(value).__name__, "content": asdict(value)}
    if type(value) in MODELS.values():
        return _encode_model(name, value, arrays)
    raise TypeError(f"{name} = {value!r}, but should be plain, to be sent to a worker")


def _check_known(setup: Setup) -> None:
    """Raise TypeError for a setup with a part that only the user's own files know."""
    for part in (setup.data, setup.net, setup.objective, setup.recipe):
        kind = type(part)
        if isinstance(part, OwnObjective) or not kind.__module__.startswith("mrpcheck."):
            raise TypeError(
                f"{kind.__name__} = defined in {kind.__module__}, but should be part of mrpcheck, "
                "to be trained by a worker"
            )


def _encode_model(name: str, model: Encoder | Classifier, arrays: Arrays) -> Any:
    """What is not an array as JSON; the arrays beside, under `name`/the field's name."""
    content = {}
    for key, value in vars(model).items():
        if isinstance(value, torch.Tensor):
            arrays[f"{name}/{key}"] = value.cpu().numpy()
        elif key != "extra":
            content[key] = _encode(key, value, arrays)
    for key, value in model.extra.items():
        arrays[f"{name}/extra/{key}"] = value.cpu().numpy()
    return {"is": type(model).__name__, "content": content, "arrays": name}


def _decode(value: Any, arrays: Arrays) -> Any:
    if not isinstance(value, dict):
        return value
    kind, content = value["is"], value["content"]
    if kind == "Setup":
        return Setup.from_json(content)
    if kind == "Trials":
        sets = {name: frozenset(content[name]) for name in ("fixed", "redrawn")}
        return Trials(**{**content, **sets})
    if kind in EVENTS:
        return EVENTS[kind](**content)
    known = {name: _decode(each, arrays) for name, each in content.items()}
    device, prefix = known["trials"].device, f"{value['arrays']}/"
    held = {
        name.removeprefix(prefix): torch.from_numpy(array).to(device)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    extra = {n.removeprefix("extra/"): held.pop(n) for n in list(held) if n.startswith("extra/")}
    return MODELS[kind](**known, **held, extra=extra)


def _part(value: Any, begin: int, end: int) -> Any:
    if isinstance(value, Trials):
        return replace(
            value, first=value.first + begin, count=end - begin, facts=type(value.facts)()
        )
    if type(value) in MODELS.values():
        tensors = {n: v[begin:end] for n, v in vars(value).items() if isinstance(v, torch.Tensor)}
        return replace(
            value,
            trials=_part(value.trials, begin, end),
            name=f"{value.name}[{begin}:{end}]",
            extra={n: v[begin:end] for n, v in value.extra.items()},
            **tensors,
        )
    return value
