"""The hosts lab: up, down, broken, healed, and fresh again."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import effects, places
from orchestrator.lab.effects import Effect
from orchestrator.lab.faults import Moment
from orchestrator.lab.sites import (
    base,
    drill_tools,
    faults,
    faults_paging,
    faults_performance,
    faults_redundant,
    keys,
    leftovers,
    needs,
    register,
    roots,
    site,
)
from orchestrator.lab.sites.calls import call
from orchestrator.lab.sites.host import LabHost
from orchestrator.lab.sites.network import Network
from orchestrator.lab.sites.parts import parts
from orchestrator.lab.sites.states import LabStatus, status_of
from orchestrator.lab.sites.topology import CONTROL, HOSTS, key_of, link_of, name_of, plan_of

FORMAT = 1
Tell = Callable[[str], None]


class SitesLab:
    """One hosts lab, which exists. Made by ``up`` or found by ``open``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        """Where it is; only root may look in."""
        self.key = key_of(self.directory)
        """8 hex digits that everything of it carries in its name on the machine."""
        self.network = Network(self.key, self.directory / "links")

    @classmethod
    def open(cls, where: str | Path = "default") -> SitesLab:
        """The lab of this name (or in this directory). Raises LabError where there is none."""
        lab = cls(place_of(where))
        lab._facts()
        return lab

    @classmethod
    def up(cls, where: str | Path = "default", *, tell: Tell = lambda _: None, with_parts: bool = True) -> SitesLab:
        """Bring a lab up and whole: made where it is not there, repaired where something is off or broken.

        ``tell`` hears what takes long. ``with_parts`` False: the bare hosts, without databases and the like. Raises
        LabError; what was made until then is taken away by ``down``.
        """
        place = place_of(where)
        _prepare(place)
        needs.require(place)
        lab = cls(place)
        register.remember(lab.key, lab.directory)
        with lab.locked():
            known = lab._facts(missing={})
            if known.get("ready") and known.get("parts") == with_parts and lab._is_whole():
                return lab
            lab._bring_up(tell, known, with_parts=with_parts)
        return lab

    @property
    def hosts(self) -> dict[str, LabHost]:
        """All hosts with a root file system of their own, by name."""
        return {name: self.host(name) for name in HOSTS}

    def host(self, name: str) -> LabHost:
        """One host. Raises LabError where there is none of this name."""
        return LabHost(plan_of(name), self.directory, self.key, self.network)

    def name(self, thing: str) -> str:
        """How a thing of this lab must be called where the machine sees it (an image, a swap file), to be cleared."""
        return name_of(self.key, thing)

    def cut(self, link: str) -> bool:
        """Cut a link (``east-link``, ``db-a-eth0``, ...); answers whether it was whole. Raises LabError."""
        changed = self.network.cut(link)
        effects.record(self.effects_log, f"cut:{link}", link_of(link).switch)
        return changed

    def mend(self, link: str) -> bool:
        """Make a link whole; answers whether it was cut. Raises LabError."""
        changed = self.network.mend(link)
        effects.record(self.effects_log, f"mend:{link}", link_of(link).switch)
        return changed

    def control(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,  # noqa: A002 - the name subprocess gives it
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
        seconds: float | None = 120.0,
        place: str = CONTROL,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this machine in the control host's network (``place``: in another one's).

        ``env`` is added to the caller's. Raises LabError where it is late or, with ``check``, where it fails.
        """
        return call(self.in_network(argv, place), input=input, env=env, cwd=cwd, check=check, seconds=seconds)

    def in_network(self, argv: Sequence[str], place: str = CONTROL) -> list[str]:
        """The argument list that runs ``argv`` in the network of a host, a switch, ``control`` or ``client``.

        Only the network changes: the file systems are those of the caller, so the same Python and programs are there.
        """
        return ["nsenter", f"--net=/run/netns/{self.name(place)}", "--", *argv]

    def status(self) -> LabStatus:
        """How each host, link and part is, and which faults are on."""
        return status_of(self)

    def break_(self, fault: str, **words: str) -> Moment:
        """Make a fault happen; answers the moment. Raises LabError."""
        with self.locked():
            return faults.break_(self, fault, words)

    def heal(self, fault: str) -> bool:
        """Take a fault away; answers whether it was on. Raises LabError."""
        with self.locked():
            return faults.heal(self, fault)

    def heal_all(self) -> list[str]:
        """Take all faults away that are on; answers which."""
        with self.locked():
            return self._heal_all()

    def seal(self) -> None:
        """What the hosts are now is what a fresh lab is: power off, keep, power on. Once in a lab's life."""
        with self.locked():
            self._seal()

    def reset(self) -> None:
        """Faults healed, links mended, every host powered off and on with the file system of the fresh lab."""
        with self.locked():
            self._heal_all()
            self._forget()
            self.effects_log.unlink(missing_ok=True)
            self._on()
            if self._facts().get("parts"):
                for part in parts():
                    part.begin(self)

    def down(self, *, remove: bool = False) -> int:
        """End all of it and clear the machine; answers how many things went. ``remove``: the directory goes too."""
        return take_down(self.directory, remove=remove)

    @property
    def inventory(self) -> Path:
        """The site's directory: hosts.yml, estate.yaml, service-levels/."""
        return self.directory / "inventories" / site.NAME

    @property
    def known_hosts(self) -> Path:
        """The pinned host keys."""
        return self.directory / "known_hosts"

    @property
    def operator_key(self) -> Path:
        """The private key that logs in as ``ops`` and as ``root``."""
        return keys.operator_key(self.directory / "keys")

    @property
    def effects_log(self) -> Path:
        """The log of effects."""
        return self.directory / "effects.log"

    def effects(self) -> list[Effect]:
        """What was done to the hosts, in order."""
        return effects.read(self.effects_log)

    def write_inventory(self) -> Path:
        """Write the site's directory anew, with what the parts know."""
        variables: dict[str, dict[str, object]] = {}
        groups: dict[str, tuple[str, ...]] = {}
        systems: dict[str, Mapping[str, object]] = {}
        for part in parts():
            for host, more in part.variables(self).items():
                variables.setdefault(host, {}).update(more)
            groups.update(part.groups(self))
            systems.update(part.systems(self))
        of_faults = (faults_paging.variables(self), faults_performance.variables(), faults_redundant.variables(self))
        for class_variables in of_faults:
            for host, more in class_variables.items():
                variables.setdefault(host, {}).update(more)
        drill_tools.write(self.directory)
        tools = {"holdfast_environment": drill_tools.environment(self.directory)}
        variables[CONTROL] = {**tools, **variables.get(CONTROL, {})}
        return site.write(self.directory, variables=variables, groups=groups, systems=systems)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lab; others who would change it wait."""
        with _locked(self.directory):
            yield

    def _bring_up(self, tell: Tell, known: Mapping[str, object], *, with_parts: bool) -> None:
        lower = Path(str(known["base"])) if known.get("base") else base.prepare(tell)
        if not lower.is_dir():
            raise LabError(f"the hosts' base {lower} is gone", mend="holdfast lab down --hosts, then up again")
        self._note(base=str(lower), ready=False, parts=with_parts)
        tell("bringing the hosts up")
        for name in ("hosts", "keys", "links", "faults"):
            (self.directory / name).mkdir(mode=0o700, exist_ok=True)
        self._heal_all(strict=False)
        keys.operator_key(self.directory / "keys")
        keys.pin(self.directory / "keys", self.known_hosts)
        self.network.make_switches()
        if known and with_parts:
            # Half built, or broken in use: it comes up fresh, because parts of it no longer fit together.
            self._forget(sealed=bool(known.get("sealed")))
        for host in self.hosts.values():
            host.directory.mkdir(mode=0o700, exist_ok=True)
            roots.make(host.directory, lower)
            roots.mount(host.directory, self.name(host.name))
        wanted = parts() if with_parts else ()
        if any(host.first_process() is None for host in self.hosts.values()):
            for part in wanted:
                part.lay(self)
        self._on()
        if wanted and not known.get("sealed"):
            for part in wanted:
                tell(f"building: {part.name}")
                part.build(self)
            self._seal()
        self.write_inventory()
        for part in wanted:
            tell(f"beginning: {part.name}")
            part.begin(self)
        self._note(ready=True)

    def _seal(self) -> None:
        self._off()
        for host in self.hosts.values():
            roots.unmount(host.directory)
            roots.seal(host.directory)
        self._note(sealed=True)
        self._on()

    def _forget(self, *, sealed: bool = True) -> None:
        self._off()
        for host in self.hosts.values():
            roots.unmount(host.directory)
            if sealed:
                roots.forget(host.directory)
            elif host.directory.exists():
                roots.start_over(host.directory)
            host.group.remove()

    def _is_whole(self) -> bool:
        on = all(host.state == "on" for host in self.hosts.values())
        return on and not faults.active(self) and not self.network.cut_links()

    def _on(self) -> None:
        # The kernel works on one namespace's wires at a time; more than a few at once only wait for each other.
        with ThreadPoolExecutor(4) as together:
            list(together.map(LabHost.power_on, self.hosts.values()))

    def _off(self) -> None:
        with ThreadPoolExecutor(4) as together:
            list(together.map(LabHost.power_off, self.hosts.values()))

    def _heal_all(self, *, strict: bool = True) -> list[str]:
        healed = []
        for name in faults.active(self):
            try:
                healed += [name] if faults.heal(self, name) else []
            except (LabError, OSError):
                # On the way up everything is begun anew, also what this fault had touched.
                if strict:
                    raise
                (self.directory / "faults" / name).unlink(missing_ok=True)
        for link in self.network.cut_links():
            self.network.mend(link)
        for host in self.hosts.values():
            host.thaw()
        return healed

    def _facts(self, missing: dict[str, object] | None = None) -> dict[str, object]:
        try:
            facts: dict[str, object] = json.loads((self.directory / "lab.json").read_text())
        except FileNotFoundError as error:
            if missing is not None:
                return missing
            raise LabError(
                f"there is no hosts lab in {self.directory}", mend="make one: holdfast lab up --hosts"
            ) from error
        except (OSError, ValueError) as error:
            raise LabError(
                f"the lab in {self.directory} cannot be read: {error}", mend="holdfast lab down --hosts"
            ) from error
        if facts.get("format") != FORMAT:
            raise LabError(f"the lab in {self.directory} is of another version", mend="holdfast lab down --hosts")
        return facts

    def _note(self, **facts: object) -> None:
        body = {**self._facts(missing={}), "format": FORMAT, "key": self.key, **facts}
        fresh = self.directory / "lab.json.new"
        fresh.write_text(json.dumps(body, indent=2) + "\n")
        fresh.chmod(0o600)
        fresh.replace(self.directory / "lab.json")


def place_of(where: str | Path) -> Path:
    """The directory a hosts lab's name stands for; a path stands for itself. Raises LabError."""
    place = places.place_of(where)
    named = not isinstance(where, Path) and "/" not in where
    return place.parent / "hosts" / place.name if named else place


def take_down(where: str | Path = "default", *, remove: bool = False) -> int:
    """``SitesLab.down`` for a lab that may be half made, or gone; answers how many things were cleared."""
    place = place_of(where)
    key = key_of(place)
    if not place.exists():
        return leftovers.clear(key)
    with _locked(place):
        lab = SitesLab(place)
        cleared = 0
        if (place / "lab.json").exists():
            for part in reversed(parts()):
                with contextlib.suppress(LabError):
                    part.end(lab)
        cleared += leftovers.clear(key, place.resolve())
        for name in ("faults", "links"):
            for file in (place / name).glob("*"):
                file.unlink()
        for host in HOSTS:
            (place / "hosts" / host / "init.json").unlink(missing_ok=True)
        if remove and _is_labs_own(place):
            shutil.rmtree(place)
    return cleared


def take_all_down(*, remove: bool = False) -> int:
    """Clear everything of every hosts lab on this machine, whether its directory is there or not."""
    cleared = sum(take_down(directory, remove=remove) for directory in register.known().values())
    return cleared + sum(leftovers.clear(key) for key in sorted(leftovers.labs()))


def _is_labs_own(place: Path) -> bool:
    """Somebody's own directory, named by mistake, is not removed."""
    return all(entry.name in _OWN for entry in place.iterdir())


_OWN = {
    *("lab.json", "lab.json.new", "lock", "hosts", "keys", "links", "faults", "known_hosts", "known_hosts.new"),
    *("inventories", "effects.log", "parts", drill_tools.DIRECTORY),
}


def _prepare(place: Path) -> None:
    found = needs.problems()
    if found:
        needs.require(place.parent)
    place.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    place.mkdir(mode=0o700, exist_ok=True)
    if not _is_labs_own(place):
        raise LabError(f"{place} holds other things than a hosts lab", mend="choose an empty or a new directory")


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
