"""Dataclasses that cost next to nothing to import.

The standard decorator compiles up to nine methods for each class as its module is imported: with some hundred and
eighty classes that was a fifth of what passed before the first step of a run, and a run makes objects of few of them.
Here comparing, showing and guarding go over the fields, and ``__init__``, which has to be fast, is compiled when the
first object is made. Fields, defaults, slots, ``replace``, ``asdict`` and ``match`` are the standard library's.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_ORDER = {"__lt__": operator.lt, "__le__": operator.le, "__gt__": operator.gt, "__ge__": operator.ge}


def _dataclass(
    cls: type | None = None,
    /,
    *,
    frozen: bool = False,
    slots: bool = False,
    eq: bool = True,
    order: bool = False,
    kw_only: bool = False,
) -> Any:
    """As ``dataclasses.dataclass``, which says what the words mean."""

    def made(cls: type) -> type:
        # Without a docstring the standard library would write one from the signature, which is slow.
        cls.__doc__ = cls.__doc__ or cls.__name__
        done: type = dataclasses.dataclass(
            init=False, repr=False, eq=False, slots=slots, kw_only=kw_only, match_args=True
        )(cls)  # fmt: skip
        # The type checker knows this class by the standard decorator's words.
        items = dataclasses.fields(done)
        compared = [item.name for item in items if item.compare]
        methods: dict[str, Any] = {"__init__": _init(done, items, frozen=frozen), "__repr__": _repr(items)}
        if eq:
            methods["__eq__"] = _compare(operator.eq, compared)
            methods["__hash__"] = _hash([item.name for item in items if _hashed(item)]) if frozen else None
        if order:
            methods |= {name: _compare(judge, compared) for name, judge in _ORDER.items()}
        if frozen:
            methods |= _guards(done, frozenset(item.name for item in items))
            methods |= _state([item.name for item in items]) if slots else {}
        for name, method in methods.items():
            if name not in cls.__dict__ or (name == "__hash__" and cls.__dict__[name] is None):
                setattr(done, name, method)
        return done

    return made if cls is None else made(cls)


def _hashed(item: Field[Any]) -> bool:
    return item.compare if item.hash is None else item.hash


def _values(names: list[str]) -> Callable[[Any], Any]:
    """What an object is compared by, as a tuple."""
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda this: tuple(getattr(this, name) for name in names)


def _compare(judge: Callable[[Any, Any], bool], names: list[str]) -> Callable[[Any, object], bool]:
    values = _values(names)

    def compare(self: Any, other: object) -> bool:
        return judge(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented

    return compare


def _hash(names: list[str]) -> Callable[[Any], int]:
    values = _values(names)
    return lambda self: hash(values(self))


def _repr(items: Iterable[Field[Any]]) -> Callable[[Any], str]:
    names = [item.name for item in items if item.repr]

    @recursive_repr("...")
    def shown(self: Any) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return shown


def _guards(cls: type, names: frozenset[str]) -> dict[str, Any]:
    def guarded(self: Any, name: str, *value: Any) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")
        change = object.__setattr__ if value else object.__delattr__
        change(self, name, *value)

    return {"__setattr__": guarded, "__delattr__": guarded}


def _state(names: list[str]) -> dict[str, Any]:
    """Copying and pickling: setting the fields one by one is what the guards refuse."""

    def of(self: Any) -> list[Any]:
        return [getattr(self, name) for name in names]

    def put(self: Any, state: Iterable[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return {"__getstate__": of, "__setstate__": put}


def _init(cls: type, items: Iterable[Field[Any]], *, frozen: bool) -> Callable[..., None]:
    def first(self: Any, /, *args: Any, **named: Any) -> None:
        init = _compiled(cls, items, frozen=frozen)
        if cls.__dict__.get("__init__") is first:
            cls.__init__ = init  # type: ignore[misc] # all further objects
        init(self, *args, **named)

    return first


def _compiled(cls: type, items: Iterable[Field[Any]], *, frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_MISSING": MISSING}
    plain: list[str] = []
    named: list[str] = []
    body: list[str] = []
    for item in items:
        name, word, value = item.name, item.name, item.name
        if item.default is not MISSING:
            known[f"_default_{name}"] = item.default
            word, value = f"{name}=_default_{name}", name if item.init else f"_default_{name}"
        elif item.default_factory is not MISSING:
            known[f"_make_{name}"] = item.default_factory
            word = f"{name}=_MISSING"
            value = f"_make_{name}() if {name} is _MISSING else {name}" if item.init else f"_make_{name}()"
        elif not item.init:
            continue
        if item.init:
            (named if item.kw_only else plain).append(word)
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    words = ", ".join(["self", *plain, *(["*", *named] if named else [])])
    # The text is made of the fields' names only, as the standard library does it.
    exec(f"def __init__({words}):\n " + "\n ".join(body or ["pass"]), known)  # noqa: S102
    init: Callable[..., None] = known["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__module__ = cls.__module__
    return init


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass
