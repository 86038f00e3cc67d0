"""The command line: one line per command."""

import sys
from typing import Annotated

import typer

from augfactory import __version__
from augfactory.cli.about.doctor import doctor
from augfactory.cli.about.inspect import inspect
from augfactory.cli.demo import demo
from augfactory.cli.evaluate import evaluate
from augfactory.cli.expand import expand
from augfactory.cli.help import GroupedCommand
from augfactory.cli.methods import methods
from augfactory.cli.session import InterruptedBySignal, catch_signals, show, tell
from augfactory.cli.study import study
from augfactory.cli.tune import tune
from augfactory.cli.usage import UsageError, show_usage_error
from augfactory.cli.vae_train import vae_train
from augfactory.cli.versions.diff import diff
from augfactory.cli.versions.export import export
from augfactory.cli.versions.info import info
from augfactory.cli.versions.log import log
from augfactory.cli.versions.preview import preview
from augfactory.cli.versions.push import push
from augfactory.cli.versions.reproduce import reproduce
from augfactory.cli.versions.verify import verify

app = typer.Typer(
    name="augfactory",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    *(demo, inspect, vae_train, expand, tune, evaluate, study),
    *(info, verify, preview, log, diff, reproduce, export, push),
    methods,
    doctor,
):
    app.command(cls=GroupedCommand)(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        show(f"augfactory {__version__}")
        raise typer.Exit


@app.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Turn a small labelled image set into a large, versioned training set, and say if it helped.

    \b
    The whole story on real digits, in a few minutes:
      augfactory demo
    """
    del version


def main() -> None:
    """Run the command that the arguments name."""
    catch_signals()
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        code = show_usage_error(error)
    except typer.Abort:
        code = 1
    except InterruptedBySignal as interruption:
        code = 128 + interruption.number
    except Exception as error:  # before a command had begun, or while it was told how it ended
        code = tell(error, as_json="--json" in sys.argv[1:])
    sys.exit(code if isinstance(code, int) else 0)
