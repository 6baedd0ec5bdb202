"""Results as the data frames that the user came with."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Column = npt.NDArray[Any]


def frame_of(
    columns: Mapping[str, Column], kind: Literal["polars", "pandas"]
) -> "pl.DataFrame | pd.DataFrame":
    """Make a polars or pandas frame; int64 columns named ``*time`` become UTC datetimes."""
    if kind == "pandas":
        import pandas as pd

        table = pd.DataFrame(dict(columns))
        for name in columns:
            if name.endswith("time"):
                table[name] = pd.to_datetime(table[name], unit="ns", utc=True)
        return table
    import polars as pl

    frame = pl.DataFrame({name: np.ascontiguousarray(values) for name, values in columns.items()})
    stamps = [name for name in columns if name.endswith("time")]
    return frame.with_columns(
        pl.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC") for name in stamps
    )
