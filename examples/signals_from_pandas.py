"""Entry and exit signals computed with pandas, traded with stops; results are pandas frames.

Run it with: python examples/signals_from_pandas.py
"""

import pandas as pd

import peak_trade as pt


def prices() -> pd.DataFrame:
    """Daily bars as they might come from anywhere: times in the index, a column a price."""
    bars = pt.load("builtin:nasdaq")
    index = pd.DatetimeIndex(bars.open_time[:, 0].astype("datetime64[ns]"), name="time", tz="UTC")
    columns = {name: getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close")}
    return pd.DataFrame(columns, index=index)


def main() -> None:
    frame = prices()
    average = frame["close"].rolling(100).mean()
    above = frame["close"] > average
    was_above = above.shift(1, fill_value=False)
    entries, exits = above & ~was_above, ~above & was_above

    bars = pt.load(frame, symbol="NASDAQ")
    result = pt.backtest(
        pt.from_signals(entries, exits),
        bars,
        costs=pt.Costs(commission=0.001),
        exits=pt.Exits(stop_loss=0.03, reentry="stated"),
    )
    print(result)
    print(result.trades.groupby("exit_reason")["pnl"].agg(["count", "sum"]))
    # Rows are stamped at their close, which for 31 December is the next day: take the open.
    years = result.equity["open_time"].dt.year
    print(result.equity["equity"].groupby(years).last().rename_axis("year"))


if __name__ == "__main__":
    main()
