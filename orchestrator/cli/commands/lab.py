"""``holdfast lab``: real systems on this machine, to practise on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.lab.states import LabStatus

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[
    str,
    typer.Option("--lab", metavar="NAME", help="Which lab: a name, or a directory. Several do not collide."),
]
Hosts = Annotated[
    bool,
    typer.Option("--hosts", help="The lab of real hosts on two sites (root on Debian), not the embedded one."),
]
Aix = Annotated[
    bool,
    typer.Option("--aix", help="The SIMULATED pair of AIX hosts: no run there counts as a verification."),
]
Synchronous = Annotated[
    bool, typer.Option("--synchronous/--asynchronous", help="Whether a commit waits for the standby.")
]


@app.callback()
def group() -> None:
    """Real systems on this machine, to practise on.

    Primary, hot standby, backup repository and an order service, as ordinary processes: no root, nothing installed.
    With --hosts: two sites of real hosts, each with its own sshd, disk and network (root on Debian).
    With --aix: a simulated pair of AIX hosts with PowerHA and Db2, for which there is no real thing here.
    """


@app.command("up")
def up(
    name: Name = "default",
    hosts: Hosts = False,
    aix: Aix = False,
    synchronous: Synchronous = False,
    as_json: options.AsJson = False,
) -> None:
    """Bring the lab up; one that is up already is left as it is."""
    if aix:
        from orchestrator.cli import lab_aix

        lab_aix.up(_aix(name), as_json=as_json)
        return
    if hosts:
        from orchestrator.cli import lab_hosts

        lab_hosts.up(name, as_json=as_json)
        return
    from orchestrator.lab.lab import Lab

    _show(Lab.up(name, synchronous=synchronous).status(), as_json=as_json)


@app.command("down")
def down(
    name: Name = "default",
    hosts: Hosts = False,
    aix: Aix = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take its files away too.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With --hosts: every hosts lab, also one whose files are gone.")
    ] = False,
) -> None:
    """End everything the lab runs."""
    if aix:
        from orchestrator.cli import lab_aix

        lab_aix.down(_aix(name))
        return
    if hosts:
        from orchestrator.cli import lab_hosts

        lab_hosts.down(name, everything=everything, remove=remove)
        return
    if everything:
        raise UsageError("--all goes with --hosts", mend="holdfast lab down --hosts --all")
    from orchestrator.cli.streams import say
    from orchestrator.lab.lab import take_down

    ended = take_down(name, remove=remove)
    say(f"{ended} processes ended; nothing of the lab runs any more" if ended else "nothing was running")


@app.command("status")
def status(name: Name = "default", hosts: Hosts = False, aix: Aix = False, as_json: options.AsJson = False) -> None:
    """Show each host, the order service, and which faults are on."""
    if aix:
        from orchestrator.cli import lab_aix

        lab_aix.status(_aix(name), as_json=as_json)
        return
    if hosts:
        from orchestrator.cli import lab_hosts

        lab_hosts.status(name, as_json=as_json)
        return
    from orchestrator.lab.lab import Lab

    _show(Lab.open(name).status(), as_json=as_json)


def _faults(ctx: typer.Context, incomplete: str) -> list[str]:
    if ctx.params.get("aix"):
        from orchestrator.lab.aix.faults import FAULTS as SIMULATED

        return [fault for fault in SIMULATED if fault.startswith(incomplete)]
    if ctx.params.get("hosts"):
        from orchestrator.lab.sites.faults import table

        return [fault for fault in table() if fault.startswith(incomplete)]
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
def break_(
    fault: Fault = None,
    name: Name = "default",
    hosts: Hosts = False,
    aix: Aix = False,
    given: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME=VALUE", help="With --hosts: a word of the fault, such as host=db-b."),
    ] = None,
) -> None:
    """Make a fault really happen."""
    if aix:
        from orchestrator.cli import lab_aix

        lab_aix.break_(_aix(name), fault)
        return
    if hosts:
        from orchestrator.cli import lab_hosts

        lab_hosts.break_(name, fault, given or [])
        return
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
    hosts: Hosts = False,
    aix: Aix = False,
) -> None:
    """Take a fault away."""
    from orchestrator.cli.streams import say

    if aix:
        from orchestrator.cli import lab_aix

        lab_aix.heal(_aix(name), fault)
        return
    if hosts:
        from orchestrator.cli import lab_hosts

        healed = lab_hosts.heal(name, fault)
    else:
        from orchestrator.lab.lab import Lab

        healed = Lab.open(name).heal(fault)
    say(f"{fault}: healed" if healed else f"{fault}: was not on")


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def exec_(
    argv: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND...", help="After --: the program and its arguments.", show_default=False),
    ],
    name: Name = "default",
    hosts: Hosts = False,
    place: Annotated[
        str, typer.Option("--in", metavar="PLACE", help="Whose network: control, client, or a host's name.")
    ] = "control",
) -> None:
    """Run a program of this machine in the network of the hosts lab's control host (only with --hosts)."""
    from orchestrator.cli import lab_hosts

    if not hosts:
        raise UsageError("the embedded lab has no network of its own", mend="run the program as it is, or add --hosts")
    lab_hosts.execute(name, argv, place)


@app.command("reset")
def reset(
    name: Name = "default",
    hosts: Hosts = False,
    aix: Aix = False,
    synchronous: Annotated[
        bool | None,
        typer.Option("--synchronous/--asynchronous", help="Whether a commit waits for the standby [as it was]."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Put everything back to how it was when the lab was fresh, in a few seconds."""
    if aix:
        from orchestrator.cli import lab_aix

        lab_aix.reset(_aix(name), as_json=as_json)
        return
    if hosts:
        from orchestrator.cli import lab_hosts

        lab_hosts.reset(name, as_json=as_json)
        return
    from orchestrator.lab.lab import Lab

    lab = Lab.open(name)
    lab.reset(synchronous=synchronous)
    _show(lab.status(), as_json=as_json)


def _aix(name: str) -> str:
    return "aix" if name == "default" else name


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
