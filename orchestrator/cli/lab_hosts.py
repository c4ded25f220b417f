"""``holdfast lab ... --hosts``: the lab of real hosts, as the command line shows it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.cli.streams import say
from orchestrator.errors import LabError, UsageError

if TYPE_CHECKING:
    from orchestrator.lab.sites.states import LabStatus


def up(name: str, *, as_json: bool) -> None:
    """Bring the lab up, saying what takes long to whoever waits."""
    from orchestrator.lab.sites.lab import SitesLab

    lab = SitesLab.up(name, tell=_tell)
    _show(lab.status(), as_json=as_json)


def down(name: str, *, everything: bool, remove: bool) -> None:
    """Clear the machine of this lab, or of all hosts labs."""
    from orchestrator.lab.sites.lab import take_all_down, take_down

    _need_root()
    cleared = take_all_down(remove=remove) if everything else take_down(name, remove=remove)
    things = "process, namespace, mount or the like" if cleared == 1 else "processes, namespaces, mounts and the like"
    say(f"{cleared} {things} cleared away; nothing is left" if cleared else "nothing was there")


def status(name: str, *, as_json: bool) -> None:
    """Show hosts, links, parts and faults."""
    from orchestrator.lab.sites.lab import SitesLab

    _need_root()
    _show(SitesLab.open(name).status(), as_json=as_json)


def break_(name: str, fault: str | None, given: Sequence[str]) -> None:
    """Make a fault happen; without one, list all."""
    from orchestrator.lab.sites.faults import table

    if fault is None:
        for known, about in table().items():
            say(f"{known:<24} {about.host:<6} {about.what}")
        return
    from orchestrator.lab.sites.lab import SitesLab

    words = _words(given)
    _need_root()
    moment = SitesLab.open(name).break_(fault, **words)
    say(f"{fault} on {moment.host}: {'since' if moment.changed else 'was on already, since'} {moment.at}")
    say(f"  recover with: holdfast lab exec --hosts -- holdfast run NAME --mode drill --onset {moment.at}")


def heal(name: str, fault: str) -> bool:
    """Take a fault away; answers whether it was on."""
    from orchestrator.lab.sites.lab import SitesLab

    _need_root()
    return SitesLab.open(name).heal(fault)


def reset(name: str, *, as_json: bool) -> None:
    """Every host as it was when the lab was fresh."""
    from orchestrator.lab.sites.lab import SitesLab

    _need_root()
    lab = SitesLab.open(name)
    lab.reset()
    _show(lab.status(), as_json=as_json)


def execute(name: str, argv: Sequence[str], place: str) -> None:
    """Become ``argv`` in the network of the control host (or of another place). Does not come back.

    ``holdfast`` is this very program, also where it is not on the PATH.
    """
    from orchestrator.lab.sites.lab import SitesLab

    _need_root()
    lab = SitesLab.open(name)
    network = lab.network.namespace(place)
    if not lab.network.exists(place):
        raise LabError(f"the lab has no network {network}", mend="bring it up: holdfast lab up --hosts")
    words = [sys.argv[0] if argv[0] == "holdfast" and shutil.which("holdfast") is None else argv[0], *argv[1:]]
    entered = lab.in_network(words, place)
    os.execvp(entered[0], entered)  # noqa: S606 - a person's own words, as an argument list


def _need_root() -> None:
    if os.geteuid() != 0:
        raise LabError("the hosts lab belongs to root", mend="sudo holdfast lab ... --hosts")


def _words(given: Sequence[str]) -> dict[str, str]:
    words = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--with {item!r} is not NAME=VALUE", mend="for example: --with host=db-b")
        words[name] = value
    return words


def _tell(text: str) -> None:
    sys.stderr.write(f"{text} ...\n")


def _show(found: LabStatus, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    if as_json:
        say(json.dumps(asdict(found), ensure_ascii=False))
        return
    say(f"hosts lab {found.key} in {found.directory}: {'whole' if found.whole else 'NOT WHOLE'}")
    for host in found.hosts:
        power = "" if host.power == "on" else f"  {host.power.upper()}"
        say(f"  {host.name:<7} {host.site:<8} {host.address:<12} {host.processes:>3} processes{power}")
    for part, state in found.parts.items():
        say(f"  {part}: {state}")
    for link in found.links_cut:
        say(f"  LINK {link} is cut")
    for fault, since in found.faults.items():
        say(f"  FAULT {fault} since {since}")
