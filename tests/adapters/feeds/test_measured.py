"""The feed's figures, of a few seconds: nothing is lost; how quick it was is not looked at."""

from benchmarks.data.feed import measure


def test_few_seconds_of_the_feed_lose_nothing_and_are_exact() -> None:
    speed, whole = measure(0.0)
    assert speed.is_speed
    assert "p99" in speed.found
    assert whole.holds, whole.found
