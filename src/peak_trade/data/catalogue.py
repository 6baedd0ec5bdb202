"""The market data that installed packages ship, read where they lie."""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from peak_trade.domain.errors import DataError, did_you_mean


@dataclass(frozen=True, slots=True)
class BuiltinSeries:
    """Market data that an installed package ships, and what is in it.

    Attributes
    ----------
    name : str
        The name after ``builtin:``.
    description : str
        What the series is, in a line.
    interval : str
        Length of a bar, such as ``1d``.
    rows : int
        Number of bars.
    first, last : str
        Dates (ISO) on which the first and the last bar open.
    symbols : tuple of str
        The instruments.
    columns : tuple of str
        Which of open, high, low, close and volume there are.
    source : str
        The package that ships the file, and where its numbers come from.
    licence : str
        The licence of the package.
    package : str
        The package whose files are read; it is never imported.
    extra : str
        The extra of this project that installs the package.
    available : bool
        Whether the file is installed.

    Examples
    --------
    >>> from peak_trade.data.catalogue import catalogue
    >>> catalogue()[0].install
    "pip install 'peak-trade[research]'"
    """

    name: str
    description: str
    interval: str
    rows: int
    first: str
    last: str
    symbols: tuple[str, ...]
    columns: tuple[str, ...]
    source: str
    licence: str
    package: str
    extra: str = "research"
    available: bool = False

    @property
    def install(self) -> str:
        """The command that installs the package with this project."""
        return f"pip install 'peak-trade[{self.extra}]'"


_OHLCV = ("open", "high", "low", "close", "volume")
_CLOSE = ("close",)
_ARCH = ("NCSA", "arch")  # licence, package
_SKFOLIO = ("BSD-3-Clause", "skfolio")

_BUILTINS = (
    BuiltinSeries(
        "sp500", "S&P 500 index, not adjusted for dividends", "1d", 5031,
        "1999-01-04", "2018-12-31", ("SP500",), _OHLCV, "arch (Yahoo Finance)", *_ARCH,
    ),
    BuiltinSeries(
        "nasdaq", "NASDAQ Composite index, not adjusted for dividends", "1d", 5031,
        "1999-01-04", "2018-12-31", ("NASDAQ",), _OHLCV, "arch (Yahoo Finance)", *_ARCH,
    ),
    BuiltinSeries(
        "vix", "CBOE volatility index; days without a value are left out", "1d", 1259,
        "2014-01-03", "2019-01-03", ("VIX",), _CLOSE, "arch (FRED VIXCLS)", *_ARCH,
    ),
    BuiltinSeries(
        "wti", "WTI crude oil, spot, USD a barrel; days without a value are left out", "1d", 8321,
        "1986-01-02", "2019-01-03", ("WTI",), _CLOSE, "arch (FRED DCOILWTICO)", *_ARCH,
    ),
    BuiltinSeries(
        "ff_factors",
        "Fama-French factors, monthly, as growth indexes from 100 (MKT = Mkt-RF + RF)", "1mo", 1110,
        "1926-06-01", "2018-11-01", ("MKT", "SMB", "HML", "RF"), _CLOSE,
        "arch (Kenneth French's data library)", *_ARCH,
    ),
    BuiltinSeries(
        "sp500_stocks", "20 US stocks, adjusted for splits and dividends", "1d", 8313,
        "1990-01-02", "2022-12-28",
        ("AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT",
         "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM"),
        _CLOSE, "skfolio (sp500_dataset)", *_SKFOLIO,
    ),
    BuiltinSeries(
        "sp500_index", "S&P 500 index, closes", "1d", 8313,
        "1990-01-02", "2022-12-28", ("SP500",), _CLOSE, "skfolio (sp500_index)", *_SKFOLIO,
    ),
    BuiltinSeries(
        "factor_etfs", "5 US factor ETFs, adjusted for splits and dividends", "1d", 2264,
        "2014-01-02", "2022-12-28", ("MTUM", "QUAL", "SIZE", "USMV", "VLUE"), _CLOSE,
        "skfolio (factors_dataset)", *_SKFOLIO,
    ),
)  # fmt: skip

_FILES = {
    "sp500": "data/sp500/sp500.csv.gz",
    "nasdaq": "data/nasdaq/nasdaq.csv.gz",
    "vix": "data/vix/vix.csv.gz",
    "wti": "data/wti/wti.csv.gz",
    "ff_factors": "data/frenchdata/frenchdata.csv.gz",
    "sp500_stocks": "datasets/data/sp500_dataset.csv.gz",
    "sp500_index": "datasets/data/sp500_index.csv.gz",
    "factor_etfs": "datasets/data/factors_dataset.csv.gz",
}


def builtin_path(series: BuiltinSeries) -> Path | None:
    """Find the installed file of a builtin series without importing its package.

    Examples
    --------
    >>> builtin_path(builtin_named("sp500")).name
    'sp500.csv.gz'
    """
    spec = importlib.util.find_spec(series.package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / _FILES[series.name]
        if path.is_file():
            return path
    return None


def catalogue() -> tuple[BuiltinSeries, ...]:
    """List what ``builtin:`` offers, and whether the file of each is installed.

    Reads no data: what it says about the files is checked by the tests.

    Examples
    --------
    >>> [series.name for series in catalogue()][:3]
    ['sp500', 'nasdaq', 'vix']
    """
    return tuple(
        replace(series, available=builtin_path(series) is not None) for series in _BUILTINS
    )


def builtin_named(name: str) -> BuiltinSeries:
    """Find a builtin series.

    Raises
    ------
    DataError
        No builtin has that name; the hint names the close ones.

    Examples
    --------
    >>> builtin_named("sp50")
    Traceback (most recent call last):
    peak_trade.domain.errors.DataError: builtin 'sp50' is not known; did you mean sp500?
    """
    for series in _BUILTINS:
        if series.name == name:
            return series
    names = [series.name for series in _BUILTINS]
    raise DataError(f"builtin {name!r} is not known", did_you_mean(name, names), found=name)
