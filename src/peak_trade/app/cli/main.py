"""The command `peak`: its commands, its exit codes, and how errors are told."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from peak_trade.app.cli import (
    backtest,
    catalogue,
    causality,
    compare,
    config,
    data,
    data_fetch,
    data_import,
    data_quality,
    data_sources,
    data_store,
    data_stream,
    doctor,
    features,
    journal,
    kill,
    orders,
    risk,
    runs,
    sessions,
    simulate,
    sweep,
    trade,
)
from peak_trade.app.cli.examples import help_of
from peak_trade.domain.errors import InputError, PeakTradeError, StrategyError

OK, FAILED, BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141

app = typer.Typer(
    name="peak",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Market data: what there is, and whether it is sound.")
features_app = typer.Typer(help="Features: what can be measured at each close.")
runs_app = typer.Typer(help="The runs that were made: list, show, compare.")
config_app = typer.Typer(help="Settings: what they are, where they come from.")
kill_app = typer.Typer(help="The kill switch: stop trading, see why, recover.")
operator_app = typer.Typer(help="Who may recover from a kill.")
sessions_app = typer.Typer(
    help=help_of("sessions", "What trades and has traded: list, show, stop, go on."),
    invoke_without_command=True,
)
journal_app = typer.Typer(help="The journals of sessions: verify, read, export, make again.")
risk_app = typer.Typer(help="Limits and rules: what holds, and what the gate says to an order.")

app.command("backtest", help=help_of("backtest", "Trade a strategy over stored bars."))(
    backtest.run
)
app.command("run", help=help_of("run", "Trade strategies on paper, through gate and journal."))(
    trade.run
)
app.command("sweep", help=help_of("sweep", "Backtest every combination of a grid."))(sweep.run)
app.command("compare", help=help_of("compare", "Set several strategies side by side."))(compare.run)
app.command(
    "causality",
    help=help_of(
        "causality", "Check that a strategy does not look ahead, and measure its warm-up."
    ),
)(causality.run)
app.command("strategies", help=help_of("strategies", "List strategies, or describe one."))(
    catalogue.strategies
)
app.command("doctor", help=help_of("doctor", "Check the installation and this machine."))(
    doctor.run
)
runs_app.command("list", help=help_of("runs list", "List the recorded runs, newest first."))(
    runs.list_
)
runs_app.command("show", help=help_of("runs show", "Show one recorded run."))(runs.show)
runs_app.command(
    "compare", help=help_of("runs compare", "Set recorded runs side by side: what differs.")
)(runs.compare)
app.command(
    "reproduce", help=help_of("reproduce", "Make a recorded run again and compare the results.")
)(runs.reproduce)
data_app.command("list", help=help_of("data list", "List the built-in data, and what is stored."))(
    catalogue.data
)
data_app.command("check", help=help_of("data check", "Check a file or stored bars before use."))(
    data.check
)
data_app.command("fetch", help=help_of("data fetch", "Fetch what the store does not have."))(
    data_fetch.fetch
)
data_app.command(
    "import", help=help_of("data import", "Put a file of your own into the store, checked.")
)(data_import.run)
data_app.command("show", help=help_of("data show", "Show a stored series and where it is from."))(
    data_store.show
)
data_app.command("gaps", help=help_of("data gaps", "List what is missing of a stored series."))(
    data_store.gaps
)
data_app.command(
    "versions", help=help_of("data versions", "List the versions of a stored series.")
)(data_store.versions)
data_app.command("diff", help=help_of("data diff", "Show what differs between two versions."))(
    data_store.diff
)
data_app.command("compact", help=help_of("data compact", "Put small files of the store together."))(
    data_store.compact
)
data_app.command("expire", help=help_of("data expire", "Let old versions of the store go."))(
    data_store.expire
)
data_app.command("export", help=help_of("data export", "Write a stored series to a file."))(
    data_store.export
)
data_app.command(
    "stream", help=help_of("data stream", "Show closed bars of a venue as they are made.")
)(data_stream.stream)
data_app.command("sources", help=help_of("data sources", "List the sources, or describe one."))(
    data_sources.sources
)
data_app.command(
    "repair", help=help_of("data repair", "Mend a file into a copy, or stored bars into a version.")
)(data_quality.repair)
data_app.command(
    "quality", help=help_of("data quality", "Score the stored bars, and show what is covered.")
)(data_quality.quality)
features_app.command("list", help=help_of("features list", "List every feature."))(features.list_)
features_app.command("compute", help=help_of("features compute", "Compute a feature over bars."))(
    features.compute
)
features_app.command(
    "materialize", help=help_of("features materialize", "Keep the values of features, once.")
)(features.materialize)
features_app.command(
    "show", help=help_of("features show", "Show one feature, and what is stored of it.")
)(features.show)
config_app.command("show", help=help_of("config show", "Show every setting and its layer."))(
    config.show
)
config_app.command("explain", help=help_of("config explain", "Explain one setting."))(
    config.explain
)
config_app.command("check", help=help_of("config check", "Check a configuration file."))(
    config.check
)
sessions_app.callback()(sessions.newest)
sessions_app.command("list", help=help_of("sessions list", "List the sessions, newest first."))(
    sessions.list_
)
sessions_app.command(
    "show", help=help_of("sessions show", "Show one session: what it trades, where it stands.")
)(sessions.show)
sessions_app.command("stop", help=help_of("sessions stop", "Ask a running session to end."))(
    sessions.stop
)
sessions_app.command(
    "resume", help=help_of("sessions resume", "Go on with a session where its journal ends.")
)(sessions.resume)
app.command("orders", help=help_of("orders", "List a session's orders, refused ones too."))(
    orders.orders
)
app.command("fills", help=help_of("fills", "List a session's fills."))(orders.fills)
app.command("positions", help=help_of("positions", "Show what a session holds."))(orders.positions)
app.command("ledger", help=help_of("ledger", "List every change of a session's cash."))(
    orders.ledger
)
journal_app.command(
    "verify", help=help_of("journal verify", "Check that journals are what was written; 1 if not.")
)(journal.verify)
journal_app.command("tail", help=help_of("journal tail", "Show a journal's last records."))(
    journal.tail
)
journal_app.command("export", help=help_of("journal export", "Write a journal to a file."))(
    journal.export
)
journal_app.command(
    "replay", help=help_of("journal replay", "Make a session again; 1 where a record differs.")
)(journal.replay)
risk_app.command(
    "show", help=help_of("risk show", "Show the limits and the policy in force, and their files.")
)(risk.show)
risk_app.command("limits", help=help_of("risk limits", "List every rule that orders pass."))(
    risk.limits
)
risk_app.command(
    "check", help=help_of("risk check", "Show what the gate says to an order; 1 where it refuses.")
)(risk.check)
risk_app.command("explain", help=help_of("risk explain", "Explain one rule and its limit."))(
    risk.explain
)
kill_app.command("trip", help=help_of("kill trip", "Stop every order of a scope, at once."))(
    kill.trip
)
kill_app.command("status", help=help_of("kill status", "Show what is stopped, and why."))(
    kill.status
)
kill_app.command(
    "approval-code", help=help_of("kill approval-code", "Approve a recovery: a code, shown once.")
)(kill.approval_code)
kill_app.command(
    "request-recovery", help=help_of("kill request-recovery", "Begin to recover from a kill.")
)(kill.request_recovery)
kill_app.command(
    "complete-recovery",
    help=help_of("kill complete-recovery", "Trade again, after the cooldown."),
)(kill.complete_recovery)
kill_app.command("reset-peak", help=help_of("kill reset-peak", "Measure a drawdown from now on."))(
    kill.reset_peak
)
kill_app.command("history", help=help_of("kill history", "Show what ever happened to it."))(
    kill.history
)
operator_app.command("add", help=help_of("kill operator add", "Add an operator."))(
    kill.add_operator
)
operator_app.command("list", help=help_of("kill operator list", "List the operators."))(
    kill.list_operators
)
app.command(
    "simulate-venue", help=help_of("simulate-venue", "Serve a venue here to rehearse against.")
)(simulate.venue)
app.command(
    "watchdog", help=help_of("watchdog", "Trip the kill switch where a session is silent.")
)(kill.watchdog)
kill_app.add_typer(operator_app, name="operator", no_args_is_help=True)
app.add_typer(kill_app, name="kill", no_args_is_help=True)
app.add_typer(sessions_app, name="sessions")
app.add_typer(journal_app, name="journal", no_args_is_help=True)
app.add_typer(data_app, name="data", no_args_is_help=True)
app.add_typer(features_app, name="features", no_args_is_help=True)
app.add_typer(runs_app, name="runs", no_args_is_help=True)
app.add_typer(config_app, name="config", no_args_is_help=True)
app.add_typer(risk_app, name="risk", no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"peak-trade {version('peak-trade')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="The version.")
    ] = False,
    debug: Annotated[  # noqa: ARG001 - main reads it, wherever it stands
        bool, typer.Option("--debug", help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Quantitative trading, from market data to a report."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code.

    0 is success, 1 a finding (a look-ahead, another result, something broken) or a fault of this
    program, 2 input that cannot be used, 130 an interrupt. Faults of this program end the process
    with code 1.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process where left out.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = app(arguments, prog_name="peak", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        if error.format_message():  # without one, the help of a group was printed
            _tell("UsageError", error.format_message(), _usage(error), as_json=as_json)
        return BAD_INPUT
    except InputError as error:
        _tell_error(error, BAD_INPUT, as_json=as_json, debug=debug)
        return BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _closed()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer's own answer to it is code 1
            return _closed()
        raise
    except Exception as error:
        theirs = _from_user_code(error)
        if theirs is not None:
            _tell_error(theirs, BAD_INPUT, as_json=as_json, debug=debug)
            return BAD_INPUT
        _tell_error(error, FAILED, as_json=as_json, debug=debug)
        raise SystemExit(FAILED) from error
    return code if isinstance(code, int) else OK


def _closed() -> int:
    """Leave nothing to flush into the pipe that nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return PIPE_CLOSED


def _usage(error: typer.TyperException) -> str:
    path = getattr(getattr(error, "ctx", None), "command_path", "peak")
    return f"see {path} --help"


def _from_user_code(error: Exception) -> InputError | None:
    from peak_trade.app.wiring import place_in_user_code

    place = place_in_user_code(error)
    if not place:
        return None
    found = StrategyError(
        f"{place} raised {type(error).__name__}: {error}",
        hint="mend the strategy; --debug shows the whole traceback",
    )
    found.__cause__ = error
    return found


def _tell_error(error: Exception, code: int, *, as_json: bool, debug: bool) -> None:
    import traceback

    if debug:
        traceback.print_exception(error, file=sys.stderr)
    kind, message, hint = type(error).__name__, str(error), ""
    if isinstance(error, PeakTradeError):
        message, hint = error.message, error.hint
    if isinstance(error, OSError) and error.filename:
        message = f"{error.filename}: {error.strerror}"
    elif code == FAILED:
        message = f"{kind}: {message}; this is a bug in Peak Trade"
        hint = hint or "report it with what --debug shows"
    fields = error.fields if isinstance(error, PeakTradeError) else {}
    _tell(kind, message, hint, as_json=as_json, code=code, fields=fields)


def _tell(
    kind: str,
    message: str,
    hint: str,
    *,
    as_json: bool,
    code: int = BAD_INPUT,
    fields: dict[str, object] | None = None,
) -> None:
    if as_json:
        from peak_trade.app.cli.console import print_json

        facts = {"type": kind, "message": message, "hint": hint, "exit_code": code}
        print_json({"error": {**facts, "fields": fields or {}}})
        return
    print(f"Error: {message}", file=sys.stderr)
    if hint:
        print(f"Hint:  {hint}", file=sys.stderr)
