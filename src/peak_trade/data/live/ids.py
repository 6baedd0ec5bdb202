"""Which trade ids have been seen, in a few numbers however many there are."""

from bisect import bisect_right


class SeenIds:
    """The ids that have been seen, as ranges; ids up to ``floor`` count as seen.

    Examples
    --------
    >>> seen = SeenIds()
    >>> [seen.add(number) for number in (5, 6, 9, 6)]
    [True, True, True, False]
    >>> seen.ranges
    ((5, 6), (9, 9))
    """

    def __init__(self) -> None:
        self._low: list[int] = []
        self._high: list[int] = []
        self._floor = -1

    def add(self, number: int) -> bool:
        """Take an id in; False where it had been seen."""
        low, high = self._low, self._high
        if number <= self._floor:
            return False
        if high and number == high[-1] + 1:  # the usual case: the next one
            high[-1] = number
            return True
        place = bisect_right(low, number)
        if place and number <= high[place - 1]:
            return False
        joins_left = bool(place) and high[place - 1] + 1 == number
        joins_right = place < len(low) and low[place] == number + 1
        if joins_left and joins_right:
            high[place - 1] = high.pop(place)
            low.pop(place)
        elif joins_left:
            high[place - 1] = number
        elif joins_right:
            low[place] = number
        else:
            low.insert(place, number)
            high.insert(place, number)
        return True

    def forget(self, floor: int) -> None:
        """Count everything up to ``floor`` as seen, and keep no more of it."""
        self._floor = max(self._floor, floor)
        while self._high and self._high[0] <= self._floor:
            del self._low[0], self._high[0]

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """First and last id of each unbroken run."""
        return tuple(zip(self._low, self._high, strict=True))
