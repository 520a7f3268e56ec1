"""Errors that a person has to mend: wrong configuration, wrong use."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError


class ConfigError(Exception):
    """Wrong configuration. The message names the file, the key and the mend; exit code 2."""


def describe_validation(
    where: str | Callable[[tuple[int | str, ...]], str],
    error: ValidationError,
    model: type[BaseModel] | None = None,
) -> str:
    """All faults of a configuration, one a line: file, key, what is wrong, how to mend it.

    Args:
        where: The file or source that was read, or what gives it for a key's path.
        error: What pydantic found.
        model: The root model, for suggesting the key that a misspelt one may have meant.
    """
    lines = []
    for fault in error.errors(include_url=False):
        location = fault["loc"]
        key = ".".join(_readable(part) for part in location) or "(top level)"
        message = fault["msg"]
        if fault["type"] == "extra_forbidden":
            message = "unknown key" + _suggestion(model, location)
        elif fault["type"] == "missing":
            message = "missing; add it"
        elif "input" in fault and isinstance(fault["input"], str | int | float | bool):
            message += f", got {_short(fault['input'])}"
            if fault["type"] == "string_type":
                message += "; put it in quotes"
        source = where if isinstance(where, str) else where(location)
        lines.append(f"{source}: {key}: {' '.join(message.split())}")
    return "\n".join(lines)


def _readable(part: int | str) -> str:
    """A step of a key's path; a strange one is quoted and cut, so that a fault stays one line."""
    text = str(part)
    return text if len(text) <= 80 and text.isprintable() else _short(text)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _suggestion(model: type[BaseModel] | None, location: tuple[int | str, ...]) -> str:
    """Name the nearest valid keys beside an unknown one."""
    current: Any = model
    for part in location[:-1]:
        current = _child(current, part)
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return "; remove it"
    names = list(current.model_fields)
    near = get_close_matches(str(location[-1])[:80], names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known keys are {', '.join(names)}"


def _child(model: Any, part: int | str) -> Any:
    """The model that a step of a path leads to; an index stays at the model of the items."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    if isinstance(part, int):
        return model
    field = model.model_fields.get(part)
    if field is None:
        return None
    annotation: Any = field.annotation
    candidates = (annotation, *getattr(annotation, "__args__", ()))
    models = [a for a in candidates if isinstance(a, type) and issubclass(a, BaseModel)]
    return models[0] if models else None
