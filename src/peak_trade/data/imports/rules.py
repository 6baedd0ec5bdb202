"""What no row of a kind may be, and what is done about rows that are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from peak_trade.data.imports.bars import DROPPED
from peak_trade.data.imports.flaws import Flaws, Mended
from peak_trade.data.imports.found import Mend
from peak_trade.data.repair import REPAIRS

if TYPE_CHECKING:
    import polars as pl

    Rule = tuple[str, pl.Expr, tuple[str, ...]]


def judge(
    kind: str,
    frame: "pl.DataFrame",
    keys: Sequence[str],
    flaws: Flaws,
    since: Mapping[str, int],
) -> None:
    """Note every row that cannot be right."""
    import polars as pl

    before = pl.col("time_ns").shift(1).over("name")
    if since:
        last = pl.col("name").replace_strict(dict(since), default=None, return_dtype=pl.Int64)
        before = before.fill_null(last)
    _note(flaws, frame, "unsorted", pl.col("time_ns") < before, pl.lit(""))
    told = flaws.frame()  # what is no number is told already
    told = told.filter(told["kind"] == "unreadable").select("row", pl.col("symbol").alias("name"))
    readable = frame.join(told, on=["row", "name"], how="anti", maintain_order="left")
    for flaw, wrong, columns in _wrong(kind, frame.columns):
        shown = [pl.format(f"{name} {{}}", pl.col(name).cast(pl.String).fill_null("missing"))
                 for name in columns]  # fmt: skip
        text = pl.concat_str(shown, separator=", ") if shown else pl.lit("")
        _note(flaws, readable if told.height else frame, flaw, wrong, text)
    if not keys:
        return
    twins = frame.filter(frame.select("name", *keys).is_duplicated())
    if "trade_id" in keys:
        twins = twins.filter(twins["trade_id"] != "")
    if not twins.height:
        return
    values = [name for name in twins.columns if name not in ("row", "name", "seq", *keys)]
    group = ("name", *keys)
    repeats = pl.int_range(pl.len()).over(group) > 0
    same = pl.all_horizontal(
        pl.lit(value=True), *(pl.col(v).eq_missing(pl.col(v).first().over(group)) for v in values)
    )
    shown = [pl.format(f"{name} {{}}", pl.col(name)) for name in (*keys, *values)
             if name not in ("time_ns", "known_ns", "body", "url")]  # fmt: skip
    text = pl.concat_str(shown, separator=", ", ignore_nulls=True)
    _note(flaws, twins, "duplicate", repeats & same, text)
    _note(flaws, twins, "conflict", repeats & ~same, text)


def _note(
    flaws: Flaws, frame: "pl.DataFrame", kind: str, wrong: "pl.Expr", found: "pl.Expr"
) -> None:
    import polars as pl

    bad = frame.with_columns(wrong.fill_null(value=False).alias("__bad"))
    bad = bad.filter(pl.col("__bad"))
    if bad.height:
        flaws.add(kind, bad["row"], symbols=bad["name"], times=bad["time_ns"],
                  found=bad.select(found.alias("found")).to_series())  # fmt: skip


def _wrong(kind: str, columns: Sequence[str]) -> "list[Rule]":
    """Rules of a kind: the flaw, where it is, and the columns to show."""
    import polars as pl

    def no_price(name: str) -> "pl.Expr":
        value = pl.col(name)
        return value.is_null() | value.is_nan() | value.is_infinite() | (value <= 0)

    def no_size(name: str, *, zero: bool) -> "pl.Expr":
        value = pl.col(name)
        low = value < 0 if zero else value <= 0
        return value.is_null() | value.is_nan() | value.is_infinite() | low

    if kind == "trades":
        return [
            ("price", no_price("price"), ("price",)),
            ("size", no_size("size", zero=False), ("size",)),
            ("side", pl.col("side").is_null(), ()),
        ]
    if kind == "book":
        return [
            ("price", no_price("price"), ("price",)),
            ("size", no_size("size", zero=True), ("size",)),
            ("side", pl.col("side").is_null() | (pl.col("side") == 0), ()),
        ]
    if kind == "quotes":
        sizes = [name for name in ("bid_size", "ask_size") if name in columns]
        bid, ask = pl.col("bid"), pl.col("ask")
        bad = (no_price("bid") & bid.is_not_null()) | (no_price("ask") & ask.is_not_null())
        none = bid.is_null() & ask.is_null()
        rules: list[Rule] = [("price", bad | none, ("bid", "ask"))]
        if sizes:
            wrong = [no_size(name, zero=True) & pl.col(name).is_not_null() for name in sizes]
            rules.append(("size", pl.any_horizontal(wrong), tuple(sizes)))
        return rules
    if kind == "funding":
        rate = pl.col("rate")
        rules = [("rate", rate.is_null() | ~rate.is_finite(), ("rate",))]
        if "mark" in columns:
            rules.append(("price", no_price("mark") & pl.col("mark").is_not_null(), ("mark",)))
        return rules
    if kind == "series":
        return [("value", ~pl.col("value").is_finite(), ("value",))]
    return [("headline", pl.col("headline") == "", ())]


def mended(
    frame: "pl.DataFrame", keys: Sequence[str], flaws: "pl.DataFrame", mend: Mend
) -> tuple["pl.DataFrame", "pl.DataFrame", tuple[Mended, ...]]:
    """What nothing was done about, the rows that stay, and what was done."""
    import polars as pl

    fatal = flaws.filter(pl.col("kind") != "unsorted")
    gone = fatal["row"]
    if mend.skips and keys and (flaws["kind"] == "conflict").any():
        bad = frame.filter(frame["row"].is_in(flaws.filter(pl.col("kind") == "conflict")["row"]))
        group = ["name", *keys]
        twins = frame.join(bad.select(group).unique(), on=group, how="semi", nulls_equal=True)
        gone = pl.concat([gone, twins["row"]]).unique()
    # A row of a wide file holds several values: what is wrong with one leaves the others.
    wrong = fatal.select("row", pl.col("symbol").alias("name")).unique()
    is_wide = frame["row"].n_unique() < frame.height
    if is_wide:
        kept = frame.join(wrong, on=["row", "name"], how="anti", maintain_order="left")
    else:
        kept = frame.filter(~frame["row"].is_in(gone.implode())) if len(gone) else frame
    if not (mend.repairs or mend.skips):
        return flaws, kept, ()
    left = flaws.clear() if mend.skips else flaws.filter(pl.col("kind") == "conflict")
    done = []
    late = flaws.filter(pl.col("kind") == "unsorted")
    twice = flaws.filter(pl.col("kind") == "duplicate")
    others = flaws.filter(~pl.col("kind").is_in(["unsorted", "duplicate"]))
    if mend.skips and not is_wide:
        names = frame.select("row", pl.col("name").alias("symbol"))
        extra = names.filter(
            pl.col("row").is_in(gone.implode()) & ~pl.col("row").is_in(flaws["row"].implode())
        )
        others = pl.concat([others.select("row", "symbol"), extra])
    else:
        others = others.select("row", "symbol")
    for words, part in (
        (REPAIRS["sorted"], late),
        (REPAIRS["duplicate dropped"], twice),
        (DROPPED, others),
    ):
        for (symbol,), rows in (
            part.select("row", "symbol")
            .unique(maintain_order=True)
            .group_by("symbol", maintain_order=True)
        ):
            places = tuple(rows["row"].sort().to_list())
            done.append(Mended(words, str(symbol), len(places), places))
    return left, kept, tuple(done)
