"""The ``arena`` command: gathers the verbs and turns errors into one line and an exit code."""

from __future__ import annotations

import io
import itertools
import sys

import typer

import arena
from profiles.errors import ArenaError, UserError
from ui.cli import (
    chat,
    db,
    doctor,
    export,
    import_dialogues,
    interview,
    models,
    profiles,
    quality,
    report,
    run,
    runs,
    worksheet,
)

_INTERRUPTED = 130
_STOPPED = "stopped; the same command goes on from here"
_STOPPED_EXPORT = "stopped; nothing was written, and the same command begins anew"

app = typer.Typer(
    name="arena",
    help="Counsel Arena: simulated clients meet LLM counselors, three parties score. For simulation and training only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("report", short_help="Write a run's report as one HTML page.")(report.report)
app.command("runs")(runs.runs)
app.command("export", short_help="Write runs as a data set, in many formats.")(export.export)
app.command("worksheet", short_help="Write a session's thought records to print.")(worksheet.worksheet)
app.command("chat", short_help="Talk as counselor or as client.")(chat.chat)
app.command("import-dialogues", short_help="Take transcripts from elsewhere in, to be scored.")(
    import_dialogues.import_dialogues
)
app.command("quality", short_help="Measure a data set beside published figures.")(quality.quality)
app.command("doctor", short_help="Examine the installation.")(doctor.doctor)
app.add_typer(profiles.app, name="profiles")
app.add_typer(models.app, name="models")
app.add_typer(interview.app, name="interview")
app.add_typer(db.app, name="db")


def main() -> None:
    """Run the command.

    Exit codes: 0 fine, 1 something failed, 2 a mistake the person can mend, 3 stopped by its budget, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows "?", not a traceback
    try:
        code = app(standalone_mode=False) or 0
    except typer.TyperException as error:  # a flag that does not exist, a value that is no number
        _say_usage(error.format_message())
        sys.exit(2)
    except UserError as error:
        _say(str(error))
        sys.exit(2)
    except ArenaError as error:
        _say(str(error))
        sys.exit(1)
    except ModuleNotFoundError as error:
        _say(str(arena._explained(error)))
        sys.exit(2)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        _say(_STOPPED_EXPORT if sys.argv[1:2] == ["export"] else _STOPPED)
    sys.exit(code)


def _say_usage(message: str) -> None:
    from profiles.located import plainly  # brings pydantic and YAML, which most verbs' help does not need

    if message.startswith("Usage:"):  # nothing was asked for: this is the help page
        typer.echo(message)
    else:
        _say(f"{plainly(message)}; see '{_words()} --help'")


def _words() -> str:
    """The command as far as it is made of words: ``arena profiles show``."""
    depth = 2 if sys.argv[1:2] in (["profiles"], ["models"], ["interview"], ["db"]) else 1
    words = list(itertools.takewhile(lambda word: word[:1].isalpha(), sys.argv[1 : 1 + depth]))
    return " ".join(["arena", *words])


def _say(text: str) -> None:
    typer.echo(f"arena: {' '.join(text.split())}", err=True)


if __name__ == "__main__":
    main()
