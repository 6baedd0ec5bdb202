"""What bars remember."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from peak_trade.domain.memory import Memory


def test_memory_makes_an_array_once_and_gives_it_read_only():
    memory, made = Memory(), []

    def make():
        made.append(1)
        return np.ones(3)

    first = memory.recall(("sma", 3), make)
    assert memory.recall(("sma", 3), make) is first
    assert len(made) == 1
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 2


def test_memory_keeps_keys_apart():
    memory = Memory()
    assert memory.recall(("sma", 3), lambda: np.ones(1))[0] == 1
    assert memory.recall(("sma", 4), lambda: np.zeros(1))[0] == 0


def test_memory_over_its_limit_forgets_the_least_recently_used():
    memory, made = Memory(limit_bytes=3 * 80), []

    def recall(key):
        return memory.recall(key, lambda: made.append(key) or np.full(10, float(key)))

    for key in (1, 2, 3, 1, 4):  # 1 was used again, so 2 is the oldest
        recall(key)
    made.clear()
    for key in (1, 3, 4):
        recall(key)
    assert made == []
    assert recall(2)[0] == 2.0
    assert made == [2]


def test_memory_keeps_one_array_beyond_its_limit():
    memory = Memory(limit_bytes=8)
    big = memory.recall("big", lambda: np.ones(100))
    assert memory.recall("big", lambda: np.zeros(100)) is big


def test_memory_after_forget_makes_arrays_again():
    memory = Memory()
    first = memory.recall("a", lambda: np.ones(1))
    memory.forget()
    assert memory.recall("a", lambda: np.ones(1)) is not first


def test_memory_of_a_failed_making_is_empty():
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.recall("a", lambda: np.ones(1 // 0))
    assert memory.recall("a", lambda: np.ones(1))[0] == 1


def test_memory_of_two_threads_that_miss_together_gives_equal_arrays():
    memory, both = Memory(), Barrier(2)

    def make():
        both.wait(timeout=10)
        return np.arange(5.0)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: memory.recall("a", make), range(2)))
    np.testing.assert_array_equal(*found)
    assert memory.recall("a", lambda: np.zeros(5))[1] == 1.0
