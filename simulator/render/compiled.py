"""Loops that run as machine code: numba, from the extra ``sim``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from ioc.errors import ConfigError

try:
    import numba
except ImportError as error:  # pragma: no cover - the tests have the extra
    raise ConfigError(
        "rendering needs numba, which is not installed; install the extra: pip install -e '.[sim]'"
    ) from error

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a loop at its first call; later processes load it from the disk.

    Without ``fastmath``, so that sums are added in the order written and a picture is the same
    wherever it is rendered. The lock of the interpreter is released while it runs. A division by
    zero gives infinity, as in numpy: Python's check for it keeps loops from vector instructions
    (``weather.expose``: 8 ms a picture without it, 60 ms with it).
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
