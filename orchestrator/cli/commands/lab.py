"""``holdfast lab``: a small real PostgreSQL pair on this machine, to practise on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options

if TYPE_CHECKING:
    from orchestrator.lab.states import LabStatus

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[
    str,
    typer.Option("--lab", metavar="NAME", help="Which lab: a name, or a directory. Several do not collide."),
]
Synchronous = Annotated[
    bool, typer.Option("--synchronous/--asynchronous", help="Whether a commit waits for the standby.")
]


@app.callback()
def group() -> None:
    """A small real PostgreSQL pair on this machine, to practise on.

    Primary, hot standby, backup repository and an order service, as ordinary processes: no root, nothing installed.
    """


@app.command("up")
def up(name: Name = "default", synchronous: Synchronous = False, as_json: options.AsJson = False) -> None:
    """Bring the lab up; one that is up already is left as it is."""
    from orchestrator.lab.lab import Lab

    _show(Lab.up(name, synchronous=synchronous).status(), as_json=as_json)


@app.command("down")
def down(
    name: Name = "default",
    remove: Annotated[bool, typer.Option("--remove", help="Take its files away too.")] = False,
) -> None:
    """End everything the lab runs."""
    from orchestrator.cli.streams import say
    from orchestrator.lab.lab import take_down

    ended = take_down(name, remove=remove)
    say(f"{ended} processes ended; nothing of the lab runs any more" if ended else "nothing was running")


@app.command("status")
def status(name: Name = "default", as_json: options.AsJson = False) -> None:
    """Show each host, the order service, and which faults are on."""
    from orchestrator.lab.lab import Lab

    _show(Lab.open(name).status(), as_json=as_json)


def _faults(incomplete: str) -> list[str]:
    from orchestrator.lab.faults import FAULTS

    return [fault for fault in FAULTS if fault.startswith(incomplete)]


Fault = Annotated[
    str | None,
    typer.Argument(
        metavar="FAULT",
        help="The fault; all are listed where none is named.",
        show_default=False,
        autocompletion=_faults,
    ),
]


@app.command("break")
def break_(fault: Fault = None, name: Name = "default") -> None:
    """Make a fault really happen."""
    from orchestrator.cli.streams import say
    from orchestrator.lab.faults import FAULTS
    from orchestrator.lab.lab import Lab

    if fault is None:
        for known, about in FAULTS.items():
            say(f"{known:<32} {about.host:<6} {about.what}")
        return
    moment = Lab.open(name).break_(fault)
    say(f"{fault} on {moment.host}: {'since' if moment.changed else 'was on already, since'} {moment.at}")
    say(f"  recover with: holdfast run NAME --mode drill --onset {moment.at}")


@app.command("heal")
def heal(
    fault: Annotated[
        str, typer.Argument(metavar="FAULT", help="The fault.", show_default=False, autocompletion=_faults)
    ],
    name: Name = "default",
) -> None:
    """Take a fault away."""
    from orchestrator.cli.streams import say
    from orchestrator.lab.lab import Lab

    say(f"{fault}: healed" if Lab.open(name).heal(fault) else f"{fault}: was not on")


@app.command("reset")
def reset(
    name: Name = "default",
    synchronous: Annotated[
        bool | None,
        typer.Option("--synchronous/--asynchronous", help="Whether a commit waits for the standby [as it was]."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Put everything back to how it was when the lab was fresh, in a few seconds."""
    from orchestrator.lab.lab import Lab

    lab = Lab.open(name)
    lab.reset(synchronous=synchronous)
    _show(lab.status(), as_json=as_json)


def _show(found: LabStatus, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from orchestrator.cli.streams import say
    from orchestrator.cli.words import one_line

    if as_json:
        say(json.dumps(asdict(found), ensure_ascii=False))
        return
    say(f"lab in {found.root}: {'ready' if found.ready else 'NOT READY'}, {_commits(found)}")
    for host in found.hosts:
        port = f":{host.port}" if host.port is not None else ""
        power = "" if host.power == "on" else "  NO POWER"
        say(f"  {host.name:<6} {host.role:<18} {port:<7} {one_line(host.state)}{power}")
    say(f"  orders {found.service_url}, database {found.service_database or 'unknown'}; {_client(found)}")
    for fault, since in found.faults.items():
        say(f"  FAULT {fault} since {since}")


def _commits(found: LabStatus) -> str:
    return "synchronous: a commit waits for the standby" if found.synchronous else "asynchronous"


def _client(found: LabStatus) -> str:
    return f"a customer {'posts orders' if found.client_running else 'is not posting'}, {found.receipts} receipts"
