"""Reading the series that installed packages ship, from their files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from peak_trade.data.catalogue import BuiltinSeries, builtin_named, builtin_path
from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError
from peak_trade.domain.instrument import AssetClass

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a file writes its dates, and what its columns are called here."""

    asset_class: AssetClass
    date: str
    columns: tuple[tuple[str, str], ...] = ()


_US_DATE, _ISO_DATE = "%m/%d/%Y", "%Y-%m-%d"
_OHLCV = tuple((name.title(), name) for name in ("open", "high", "low", "close", "volume"))
_LAYOUTS = {
    "sp500": _Layout("index", _US_DATE, _OHLCV),
    "nasdaq": _Layout("index", _US_DATE, _OHLCV),
    "vix": _Layout("index", _US_DATE, (("vix", "close"),)),
    "wti": _Layout("other", _US_DATE, (("DCOILWTICO", "close"),)),
    "ff_factors": _Layout("factor", "%Y%m"),
    "sp500_stocks": _Layout("equity", _ISO_DATE),
    "sp500_index": _Layout("index", _ISO_DATE, (("SP500", "close"),)),
    "factor_etfs": _Layout("etf", _ISO_DATE),
}


def read_builtin(name: str) -> Table:
    """Read a builtin series: dates in ``time``, prices under their usual names or tickers.

    Days for which ``vix`` and ``wti`` have no value are left out. ``ff_factors`` are monthly
    returns in percent in the file, and given as growth indexes, since prices must be positive:
    100 in the month before the first, then 100 x prod(1 + r / 100). MKT is Mkt-RF + RF.

    Raises
    ------
    DataError
        An unknown name, a package that is not installed, or one whose file reads otherwise.

    Examples
    --------
    >>> read_builtin("sp500").frame.height
    5031
    """
    series = builtin_named(name)
    path = builtin_path(series)
    if path is None:
        raise DataError(
            f"builtin:{name} is read from the package {series.package}, which is not installed",
            hint=f"install it with: {series.install}",
            package=series.package,
        )
    frame = _factors(path, series) if name == "ff_factors" else _prices(path, series)
    return Table(frame, f"builtin:{name}", series.symbols[0])


def asset_class_of(name: str) -> AssetClass:
    """Give the asset class of a builtin series."""
    return _LAYOUTS[name].asset_class


def _text(path: Path, series: BuiltinSeries, columns: tuple[str, ...]) -> "pl.DataFrame":
    import polars as pl

    try:
        return pl.read_csv(path, infer_schema=False, null_values=["."]).select("Date", *columns)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"builtin:{series.name} cannot be read from {path.name} of {series.package}",
            hint=f"reinstall the pinned version: {series.install}",
        ) from error


def _prices(path: Path, series: BuiltinSeries) -> "pl.DataFrame":
    import polars as pl

    layout = _LAYOUTS[series.name]
    columns = layout.columns or tuple((symbol, symbol) for symbol in series.symbols)
    text = _text(path, series, tuple(theirs for theirs, _ in columns)).drop_nulls()
    return text.select(
        pl.col("Date").str.to_date(layout.date).alias("time"),
        *(pl.col(theirs).cast(pl.Float64).alias(ours) for theirs, ours in columns),
    )


def _factors(path: Path, series: BuiltinSeries) -> "pl.DataFrame":
    import polars as pl

    names = ("Mkt-RF", "SMB", "HML", "RF")
    text = _text(path, series, names).drop_nulls()
    percent = text.select(
        (pl.col("Date") + "01").str.to_date("%Y%m%d").alias("time"),
        *(pl.col(name).cast(pl.Float64) for name in names),
    ).with_columns((pl.col("Mkt-RF") + pl.col("RF")).alias("MKT"))
    base = percent.head(1).select(
        pl.col("time").dt.offset_by("-1mo"), *(pl.lit(0.0).alias(s) for s in series.symbols)
    )
    returns = pl.concat([base, percent.select("time", *series.symbols)])
    return returns.with_columns(
        (100.0 * (1.0 + pl.col(symbol) / 100.0).cum_prod()).alias(symbol)
        for symbol in series.symbols
    )
