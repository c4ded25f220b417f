"""Where this machine gets Debian's packages from: asked of its own apt, so that the hosts get theirs there too."""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.sites.calls import call

_FORMAT = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
_PROXIES = {"http_proxy": "Acquire::http::Proxy", "https_proxy": "Acquire::https::Proxy"}


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine as a source of packages."""

    release: str
    """Debian's code name: bookworm, trixie, ..."""
    architecture: str
    mirror: str
    """Address of the archive that has the release."""
    sources: str
    """The text of a sources.list with Debian's main part: the release, its updates and its security fixes."""
    settings: str
    """apt's own settings about fetching, as it would read them."""
    environment: Mapping[str, str]
    """Proxies for programs that do not read apt's settings."""


@functools.cache
def machine() -> Machine:
    """Ask this machine. Raises LabError where it is not Debian, or apt knows no archive of its release."""
    release = release_of(_os_release())
    listed = call(["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]).stdout
    places = places_of(listed, release)
    if (main := next((uri for uri, suite in places if suite == release), None)) is None:
        raise LabError(f"apt knows no archive of Debian {release}", mend="add it to /etc/apt/sources.list.d")
    settings = call(["apt-config", "dump", "Acquire"]).stdout
    return Machine(
        release=release,
        architecture=call(["dpkg", "--print-architecture"]).stdout.strip(),
        mirror=main,
        sources="".join(f"deb {uri} {suite} main\n" for uri, suite in places),
        settings=settings,
        environment=proxies_of(settings),
    )


def _os_release() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def release_of(facts: Mapping[str, str]) -> str:
    """Debian's code name, from os-release(5). Raises LabError for another system."""
    if facts.get("ID") != "debian" or not facts.get("VERSION_CODENAME"):
        name = facts.get("PRETTY_NAME", "this system")
        raise LabError(f"the hosts lab needs Debian, and this is {name}", mend="use the embedded lab: holdfast lab up")
    return facts["VERSION_CODENAME"]


def places_of(listed: str, release: str) -> list[tuple[str, str]]:
    """Archive and suite of the release's main part, from ``apt-get indextargets``; each once, in apt's order."""
    wanted = (release, f"{release}-updates", f"{release}-security")
    found: dict[tuple[str, str], None] = {}
    for line in listed.splitlines():
        uri, _, rest = line.partition(" ")
        suite, _, component = rest.partition(" ")
        if suite in wanted and component == "main" and uri.startswith(("http://", "https://", "file:/")):
            found[uri, suite] = None
    return list(found)


def proxies_of(settings: str) -> dict[str, str]:
    """Proxies, from ``apt-config dump``, as the environment variables other programs read."""
    found = {}
    for variable, key in _PROXIES.items():
        for line in settings.splitlines():
            name, _, value = line.partition(" ")
            if name == key and (address := value.strip('";')):
                found[variable] = address
    return found


def is_debian() -> bool:
    """Whether this machine runs Debian."""
    return Path("/etc/debian_version").exists() and _os_release().get("ID") == "debian"
