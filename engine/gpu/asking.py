"""How NVML is asked: each figure on its own, and what its errors and its nonsense mean.

Must not know what a figure is for.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

T = TypeVar("T")

DRIVER_GONE = frozenset(
    {
        pynvml.NVML_ERROR_UNINITIALIZED,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
    }
)
"""Errors of the driver as a whole."""

CARD_GONE = frozenset(
    {pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED, pynvml.NVML_ERROR_GPU_NOT_FOUND}
)
"""Errors of a card that cannot be used any more."""

_OTHER_CALL = frozenset(
    {
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)


def told(*asks: Callable[[], T]) -> T | None:
    """The answer of the first call that this driver and card have, `None` where there is no answer.

    Raises NVMLError when the driver or the card is gone.
    """
    for ask in asks:
        try:
            return ask()
        except pynvml.NVMLError as error:
            if error.value in DRIVER_GONE or error.value in CARD_GONE:
                raise
            if error.value not in _OTHER_CALL:
                return None
    return None


def number(low: float, high: float, *asks: Callable[[], Any]) -> float | None:
    """What is told, if it lies between these bounds: "not available" comes as a huge number. Raises like `told`."""
    answer = told(*asks)
    return float(answer) if answer is not None and low <= answer <= high else None


def whole(high: int, *asks: Callable[[], Any]) -> int | None:
    """The same for a whole number from 0 on."""
    answer = number(0, high, *asks)
    return None if answer is None else int(answer)
