"""Taking pandas, polars and other frames in as tables."""

from typing import TYPE_CHECKING, Any

from peak_trade.data.table import Table
from peak_trade.domain.errors import DataError

if TYPE_CHECKING:
    import polars as pl
    from narwhals.typing import IntoDataFrame


def read_frame(frame: "IntoDataFrame | pl.LazyFrame") -> Table:
    """Take a frame in; an index of times or of times and symbols becomes columns.

    Parameters
    ----------
    frame : pandas or polars DataFrame, or another eager frame that narwhals knows
        Bars as rows, or closes with one column a ticker.

    Raises
    ------
    DataError
        Something that is not such a frame, column names that are not text, or no rows.
    """
    import narwhals as nw
    import polars as pl

    eager = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    try:
        wrapped = nw.from_native(eager, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"a {type(frame).__name__} is not a source of bars",
            hint="give builtin:NAME, file:PATH, a path, or a pandas or polars frame",
        ) from error
    except nw.exceptions.DuplicateError as error:
        raise DataError(
            "two columns of the frame have the same name", hint="name each column once"
        ) from error
    if wrapped.implementation.is_pandas():
        table = Table(_from_pandas(eager), "pandas frame", "asset", "pandas")
    elif wrapped.implementation.is_polars():
        table = Table(wrapped.to_polars(), "polars frame", "asset")
    else:
        table = Table(wrapped.to_polars(), f"{wrapped.implementation} frame", "asset")
    if table.frame.height == 0:
        raise DataError(f"the {table.name} is empty", hint="give it rows of bars")
    return table


def _from_pandas(frame: Any) -> "pl.DataFrame":  # noqa: ANN401 - pandas has no types here
    """Copy a pandas frame column by column, which needs no pyarrow."""
    import pandas as pd
    import polars as pl

    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError(
            f"the pandas frame has column names of {frame.columns.nlevels} levels",
            hint="select one level, as in frame.xs('AAPL', axis=1, level=1)",
        )
    frame = _without_index(frame)
    names = [str(name) for name in frame.columns]
    return pl.DataFrame([_series(name, frame.iloc[:, k]) for k, name in enumerate(names)])


def _without_index(frame: Any) -> Any:  # noqa: ANN401
    import pandas as pd

    index = frame.index
    if isinstance(index, pd.RangeIndex) and index.name is None:
        return frame
    names = list(index.names)
    if isinstance(index, pd.DatetimeIndex) and index.name is None:
        names = ["time" if "time" not in frame.columns else "index"]
    if any(name in frame.columns for name in names) or names == [None]:
        return frame
    return frame.rename_axis(names).reset_index()


def _series(name: str, values: Any) -> "pl.Series":  # noqa: ANN401
    import numpy as np
    import pandas as pd
    import polars as pl

    dtype = values.dtype
    if isinstance(dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
        dtype = values.dtype
    zone = _zone(dtype) if isinstance(dtype, pd.DatetimeTZDtype) else None
    if zone is not None:
        naive = _instants(values.dt.tz_convert("UTC").dt.tz_localize(None))
        aware = pl.Series(name, naive).dt.replace_time_zone("UTC")
        return aware.dt.convert_time_zone(zone)
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        return pl.Series(name, _instants(values))
    if pd.api.types.is_bool_dtype(dtype) or not pd.api.types.is_numeric_dtype(dtype):
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)
    if pd.api.types.is_integer_dtype(dtype) and not values.isna().any():
        return pl.Series(name, values.to_numpy(dtype=np.int64))
    return pl.Series(name, values.to_numpy(dtype=np.float64, na_value=np.nan))


def _zone(dtype: Any) -> str | None:  # noqa: ANN401
    """Name an IANA zone; None for a fixed offset, whose stamps are then read as text."""
    name = getattr(dtype.tz, "key", None) or getattr(dtype.tz, "zone", None) or str(dtype.tz)
    return None if name.startswith(("UTC+", "UTC-", "pytz")) else str(name)


def _instants(values: Any) -> Any:  # noqa: ANN401
    unit = "ns" if values.dtype == "datetime64[ns]" else "us"
    return values.to_numpy(dtype=f"datetime64[{unit}]")


def _text(value: object) -> str | None:
    if value is None or value != value or str(value) in ("NaT", "<NA>"):
        return None
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat() if isoformat else value)
