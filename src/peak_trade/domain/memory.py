"""What was computed once over the same bars and need not be computed again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

Made = TypeVar("Made")

DEFAULT_BYTES = 128 * 1024 * 1024
_KEPT = 8


class Memory:
    """Read-only arrays by key, bounded in bytes; the least recently used go first.

    Safe to use from several threads: two threads that miss the same key may both compute it, and
    get equal arrays.

    Examples
    --------
    >>> memory = Memory()
    >>> memory.recall("ones", lambda: np.ones(2)) is memory.recall("ones", lambda: np.ones(2))
    True
    """

    __slots__ = ("_arrays", "_held", "_kept", "_limit", "_lock")

    def __init__(self, limit_bytes: int = DEFAULT_BYTES) -> None:
        self._arrays: OrderedDict[Hashable, npt.NDArray[np.float64]] = OrderedDict()
        self._held = 0
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._limit = limit_bytes
        self._lock = threading.Lock()

    def recall(
        self, key: Hashable, make: Callable[[], npt.NDArray[np.float64]]
    ) -> npt.NDArray[np.float64]:
        """Give the array of ``key``, made by ``make`` the first time."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        array = make()
        array.flags.writeable = False
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = array
                self._held += array.nbytes
                while self._held > self._limit and len(self._arrays) > 1:
                    _, dropped = self._arrays.popitem(last=False)
                    self._held -= dropped.nbytes
        return array

    def keep(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Give what ``make`` made of the same bars the first time, of the last few such keys.

        For what is no array, such as the days of minute bars; two threads may both make it.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(Made, self._kept[key])
        made = make()
        with self._lock:
            found = cast(Made, self._kept.setdefault(key, made))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def forget(self) -> None:
        """Drop everything."""
        with self._lock:
            self._arrays.clear()
            self._kept.clear()
            self._held = 0
