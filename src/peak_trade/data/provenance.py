"""Where the rows of a stored series are from."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def origins(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Count the rows of a stored series by source, the largest first.

    Parameters
    ----------
    rows : polars.DataFrame
        With the columns ``source``, ``received_ns`` and ``revision``.

    Returns
    -------
    polars.DataFrame
        ``source``, ``rows``, ``corrected`` (rows that replaced another), ``first_ns`` and
        ``last_ns`` (when they were received, UTC nanoseconds).

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"source": ["a", "b", "a"], "received_ns": [1, 2, 3],
    ...     "revision": [0, 1, 0]})  # fmt: skip
    >>> origins(rows).rows()
    [('a', 2, 0, 1, 3), ('b', 1, 1, 2, 2)]
    """
    import polars as pl

    return (
        rows.group_by("source")
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            (pl.col("revision") > 0).sum().cast(pl.Int64).alias("corrected"),
            pl.col("received_ns").min().alias("first_ns"),
            pl.col("received_ns").max().alias("last_ns"),
        )
        .sort(["rows", "source"], descending=[True, False])
    )
