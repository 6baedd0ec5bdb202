"""Fee schedules of venues: what comes with the package, files of one's own, and ill-formed ones."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from peak_trade.data.fees import schedules_of, venue_fees, venues_with_fees
from peak_trade.domain.costs import Costs, Fees, FeeTier
from peak_trade.domain.errors import InputError


def ns(year: int, month: int = 1, day: int = 1, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 10**9


def file_of(folder: Path, text: str) -> Path:
    path = folder / "fees.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(name: str | Path) -> str:
    with pytest.raises(InputError) as caught:
        venue_fees(name)
    assert caught.value.hint
    return str(caught.value)


# --- what comes with the package ------------------------------------------------------------------


@pytest.mark.parametrize("venue", venues_with_fees())
def test_schedules_of_a_venue_serve_as_costs(venue) -> None:
    fees = venue_fees(venue)
    assert Costs(fees=fees).fees == fees
    assert fees[0].since_ns == 0


@pytest.mark.parametrize("venue", venues_with_fees())
def test_rates_of_a_venue_fall_with_volume_and_makers_pay_no_more(venue) -> None:
    for fees in venue_fees(venue):
        ladder = [(fees.maker, fees.taker), *((tier.maker, tier.taker) for tier in fees.tiers)]
        assert all(maker <= taker for maker, taker in ladder)
        assert ladder == sorted(ladder, reverse=True)


@pytest.mark.parametrize(
    ("venue", "date", "volume", "maker", "taker"),
    [
        # published base and tier rates of the venues' fee pages
        ("kraken", ns(2023, 6), 0, 0.0016, 0.0026),
        ("kraken", ns(2023, 6), 60_000, 0.0014, 0.0024),
        ("kraken", ns(2024, 6), 0, 0.0025, 0.0040),
        ("kraken", ns(2024, 6), 10_000, 0.0020, 0.0035),
        ("kraken", ns(2024, 6), 50_000_000, 0.0, 0.0010),
        ("binance", ns(2024, 6), 0, 0.0010, 0.0010),
        ("binance", ns(2024, 6), 1_000_000, 0.0009, 0.0010),
    ],
)
def test_published_rate_is_that_of_its_date_and_volume(venue, date, volume, maker, taker) -> None:
    fees = [schedule for schedule in venue_fees(venue) if schedule.since_ns <= date][-1]
    reached = [fees, *(tier for tier in fees.tiers if tier.volume <= volume)][-1]
    assert (reached.maker, reached.taker) == (maker, taker)


def test_unknown_venue_is_refused_with_the_nearest_name() -> None:
    said = refusal("krakn")
    assert said.startswith(
        "no fee schedule comes with the package for 'krakn'; did you mean kraken"
    )
    assert said.endswith("or name a file ending in .toml")


@pytest.mark.parametrize("name", ["", "kraken.csv", "no\0text"])
def test_name_that_is_no_venue_is_refused(name) -> None:
    assert "no fee schedule comes with the package" in refusal(name)


# --- files of one's own ---------------------------------------------------------------------------


def test_file_gives_every_field_of_every_schedule(tmp_path) -> None:
    path = file_of(
        tmp_path,
        """
        currency = "USD"
        [[schedule]]
        maker = 0.001
        taker = 0.002
        tiers = [[0, 0.0009, 0.0019], [50_000.5, 0, 0.001]]
        [[schedule]]
        since = 2024-03-01
        fixed = 1
        per_unit = 0.005
        minimum = 2.5
        cap = 0.01
        """,
    )
    assert venue_fees(path) == venue_fees(str(path))
    first, second = venue_fees(path)
    assert first == Fees(
        maker=0.001,
        taker=0.002,
        tiers=(FeeTier(0.0, 0.0009, 0.0019), FeeTier(50_000.5, 0.0, 0.001)),
    )
    assert second == Fees(fixed=1, per_unit=0.005, minimum=2.5, cap=0.01, since_ns=ns(2024, 3))


@pytest.mark.parametrize(
    ("written", "since_ns"),
    [
        ("2024-03-01", ns(2024, 3)),
        ("2024-03-01T06:00:00", ns(2024, 3, 1, 6)),
        ("2024-03-01T06:00:00Z", ns(2024, 3, 1, 6)),
        ("2024-03-01T06:00:00+02:00", ns(2024, 3, 1, 4)),
        ('"2024-03-01"', ns(2024, 3)),
        ('"2024-03-01T06:00:00+02:00"', ns(2024, 3, 1, 4)),
        ("1969-12-31", -86_400_000_000_000),
    ],
)
def test_date_is_read_as_utc(tmp_path, written, since_ns) -> None:
    (fees,) = venue_fees(file_of(tmp_path, f"[[schedule]]\nsince = {written}\n"))
    assert fees.since_ns == since_ns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no fee schedule; give at least one table [[schedule]]"),
        ("schedule = 5", "has no fee schedule"),
        ("schedule = []", "has no fee schedule"),
        ("[schedule]\ntaker = 0.1", "has no fee schedule"),
        ("[[schedules]]\ntaker = 0.1", "has no fee schedule"),
        ("schedule = [1]", "1 is no fee schedule; give a table"),
        ("[[schedule]]\ntakr = 0.1", "a fee schedule has no 'takr'; did you mean taker or maker?"),
        ("[[schedule]]\ntaker = 1.5", "taker 1.5 of Fees is out of range"),
        ("[[schedule]]\ntaker = nan", "taker nan of Fees is out of range"),
        ('[[schedule]]\nmaker = "0.1 %"', "maker '0.1 %' of Fees is not a number"),
        ("[[schedule]]\nmaker = true", "maker True of Fees is not a number"),
        ("[[schedule]]\nminimum = -1", "minimum -1 of Fees is out of range"),
        ("[[schedule]]\ncap = 0", "cap 0 of Fees is out of range"),
        ("[[schedule]]\ntiers = 5", "tiers 5 are no rows of three numbers; give rows of 30-day"),
        ("[[schedule]]\ntiers = [1, 2, 3]", "are no rows of three numbers"),
        ("[[schedule]]\ntiers = [[1, 2]]", "are no rows of three numbers"),
        ('[[schedule]]\ntiers = [["a", 0, 0]]', "'a' is not a number; give a number"),
        ("[[schedule]]\ntiers = [[true, 0, 0]]", "True is not a number"),
        ("[[schedule]]\ntiers = [[-1, 0, 0]]", "volume -1.0 of FeeTier is out of range"),
        ("[[schedule]]\ntiers = [[5, 0, 0], [5, 0, 0]]", "fee tiers overlap"),
        ("[[schedule]]\nsince = 2024", "since 2024 is no date; write 2024-01-01"),
        ('[[schedule]]\nsince = "spring"', "since 'spring' is no date"),
        ("[[schedule]]\nsince = 06:00:00", "is no date"),
        ("[[schedule]]\n[[schedule]]", "the schedules do not ascend in time; sort them by since"),
        (
            "[[schedule]]\nsince = 2024-01-01\n[[schedule]]\nsince = 2023-01-01",
            "the schedules do not ascend in time",
        ),
    ],
)
def test_ill_formed_file_is_refused_by_its_name(tmp_path, text, message) -> None:
    path = file_of(tmp_path, text)
    said = refusal(path)
    assert said.startswith(str(path))
    assert message in said


@pytest.mark.parametrize("content", [b"[[schedule", b"\xff\xfe", b"taker = 0.1\ntaker = 0.2"])
def test_file_that_is_no_toml_cannot_be_read(tmp_path, content) -> None:
    path = tmp_path / "fees.toml"
    path.write_bytes(content)
    said = refusal(path)
    assert said.startswith(f"fee schedule {path} cannot be read: ")
    assert said.endswith("give a TOML file")


def test_file_that_is_not_there_or_a_folder_cannot_be_read(tmp_path) -> None:
    (tmp_path / "folder.toml").mkdir()
    for name in (tmp_path / "missing.toml", tmp_path / "folder.toml", "no\0path.toml"):
        assert "cannot be read" in refusal(name)


def test_tables_already_parsed_are_read_alike() -> None:
    assert schedules_of([{"taker": 0.001}], "peak.toml") == (Fees(taker=0.001),)
    with pytest.raises(InputError, match=r"^peak.toml has no fee schedule"):
        schedules_of(None, "peak.toml")
