"""``arena models``: keep a vLLM server running, and find out what a model can do."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli.options import BaseUrl, servers
from ui.cli.run import Lang

if TYPE_CHECKING:
    from agents.models.ping import Answered, PingReport
    from agents.models.serving import Server
    from arena.config import RunConfig
    from arena.events import Event
    from profiles.vocabulary import Language

app = typer.Typer(help="Serve a model with vLLM, or try one out.", no_args_is_help=True)

_SCHEMAS = {
    "enforced": "enforced",
    "not_enforced": "taken, but the answer did not keep to it",
    "in_words": "not taken: asked for in words",
    "not_applicable": "not applicable: rules, no language model",
    "unclear": "not known: no whole answer, or a provider that does not say what it did",
}


@app.command()
def serve(
    model: Annotated[str, typer.Argument(help="A model's folder, or its id on the hub.")],
    flags: Annotated[
        list[str] | None, typer.Argument(help="vLLM's own flags, behind '--'.", metavar="-- FLAGS")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1. Default a free one.")] = None,
    wait: Annotated[float, typer.Option(min=1, help="Seconds that the start may take, downloads included.")] = 600.0,
    show: Annotated[bool, typer.Option("--print", help="Show the command and start nothing.")] = False,
) -> None:
    """Serve a model with vLLM until Ctrl-C, for runs that attach to it with --base-url."""
    from agents.models.machine import look, memory_share, refuse_what_does_not_fit, refuse_what_is_not_there
    from agents.models.server_log import secrets_in
    from agents.models.serving import Server, devices_in, plan_launch
    from profiles.errors import UserError

    extra = flags or []
    if extra and not extra[0].startswith("-"):
        raise UserError(f"'{extra[0]}' is one word too many: write one MODEL, and vLLM's own flags behind '--'")
    model = model.removeprefix("vllm/")
    machine = look(os.environ)
    launch = plan_launch(model, machine, port=port, share=memory_share(machine, 1), extra=extra)
    if show:
        typer.echo(launch.shown())
        return
    refuse_what_is_not_there(machine, model)
    refuse_what_does_not_fit(machine, model, memory_share(machine, 1), devices_in(extra))
    server = Server(launch, _tell, secrets_in(os.environ, extra))
    try:
        asyncio.run(_serve(server, wait))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _tell("stopped")


async def _serve(server: Server, wait: float) -> None:
    from profiles.errors import Unavailable

    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    async with server:
        await server.start(wait)
        words = shlex.join([server.name, "--base-url", server.launch.url])
        typer.echo(f"{server.launch.url} serves {server.launch.model} until Ctrl-C; now, in another window:")
        typer.echo(f"  arena models ping {words}\n  arena run --model {words}")
        raise Unavailable(await server.watch())


@app.command()
def ping(
    spec: Annotated[str, typer.Argument(help="The model's address: offline, openai/<id>, vllm/<folder or id>, ...")],
    base_url: BaseUrl = None,
    lang: Annotated[Lang, typer.Option(help="Language of the two prompts.")] = Lang.en,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one try of a call may take.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")] = False,
) -> None:
    """Ask a model for one text and one structured answer, and show what came.

    Shown are the seconds and tokens of both, whether the server holds answers to a schema, and whether hidden
    reasoning can be seen.
    """
    from arena.config import RunConfig

    report = asyncio.run(
        _ping(spec, RunConfig(base_url=servers(base_url), timeout=timeout, deadline=2 * timeout), lang.value)
    )
    if as_json:
        typer.echo(report.model_dump_json())
    else:
        _show(report)
    if not report.fits:
        raise typer.Exit(1)


async def _ping(spec: str, config: RunConfig, language: Language) -> PingReport:
    from agents.models.ping import ping as ask_twice
    from agents.models.providers import ModelBench
    from arena.api import provider_settings

    async with ModelBench(provider_settings(config, _observe)) as bench:
        model = bench.model(spec)
        await bench.check()
        return await ask_twice(model, language)


def _show(report: PingReport) -> None:
    typer.echo(f"{report.model} at {report.server}" if report.server else report.model)
    fits = "fits the schema" if report.fits else "does not fit the schema"
    typer.echo(f"text        {_told(report.text)}")
    typer.echo(f"structured  {_told(report.structured)}, {fits}")
    typer.echo(f"schemas     {_SCHEMAS[report.schemas]}")
    typer.echo(f"reasoning   {'visible, and kept apart from the answer' if report.reasoning else 'none to be seen'}")


def _told(answer: Answered) -> str:
    usage = answer.usage
    parts = [f"{answer.latency:.2f} s"]
    if usage.prompt_tokens is not None:
        cached = "" if usage.cached_tokens is None else f" ({usage.cached_tokens} cached)"
        parts.append(f"{usage.prompt_tokens} tokens in{cached}")
    if usage.completion_tokens is not None:
        parts.append(f"{usage.completion_tokens} tokens out")
    ends = {"stop": [], "length": ["cut short"], "refused": ["refused to answer"]}
    return ", ".join(parts + ends.get(answer.finish, [answer.finish]))


def _observe(event: Event) -> None:
    from arena.events import Notice

    if isinstance(event, Notice):
        _tell(event.line)


def _tell(line: str) -> None:
    typer.echo(line, err=True)
