"""A workspace: the directory with runbooks/, playbooks/, drills/ and inventories/, and what is found in it by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from orchestrator.documents.inventory import HOSTS_FILES
from orchestrator.errors import UsageError
from orchestrator.plain import dataclass

_ENDINGS = (".yaml", ".yml")
_HEAD = 64 * 1024
"""Bytes at a file's beginning in which its first key is looked for."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a site's files are. ``directory`` holds hosts.yml and, where there is one, estate.yaml."""

    name: str
    directory: Path
    inventory: Path
    """What is given to Ansible with -i and to ``load_inventory``: the directory or the hosts file."""


class Workspace:
    """Finds documents by name below ``root``, and never outside it.

    Every look-up raises UsageError, naming what there is, for a name that is absolute, climbs with ``..``, leads out
    of the workspace through a symbolic link, or is not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    @property
    def playbooks_dir(self) -> Path:
        """Where playbooks, roles and their files are."""
        return self.root / "playbooks"

    def runbooks(self) -> list[str]:
        """All runbooks, as paths relative to runbooks/, sorted."""
        return self._listed("runbooks")

    def drills(self) -> list[str]:
        """All drills, as paths relative to drills/, sorted."""
        return self._listed("drills")

    def signs(self) -> list[str]:
        """All signs documents, as paths relative to signs/, sorted."""
        return self._listed("signs")

    def playbooks(self) -> list[str]:
        """All playbooks, as paths relative to playbooks/; what is inside roles is left out."""
        return [path for path in self._listed("playbooks") if not path.startswith("roles/")]

    def sites(self) -> list[str]:
        """All directories below inventories/ that have an inventory."""
        folder = self.root / "inventories"
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if any((path / name).exists() for name in HOSTS_FILES))

    def find_runbook(self, name: str) -> str:
        """The runbook's path relative to runbooks/. ``name``: that path, ending or not, or the runbook's own name."""
        return self._find("runbooks", name, "runbook", self.runbooks)

    def find_drill(self, name: str) -> str:
        """The drill's path relative to drills/. ``name``: that path, ending or not, or the drill's own name."""
        return self._find("drills", name, "drill", self.drills)

    def find_signs(self, name: str) -> str:
        """The signs' path relative to signs/. ``name``: that path, ending or not, or their own name."""
        return self._find("signs", name, "signs", self.signs)

    def site(self, name: str | None = None, *, inventory: Path | None = None) -> Site | None:
        """The site of this name; the only one there is, where none is named; None where there is none at all.

        ``inventory`` (a hosts file or the directory it is in, anywhere) comes instead; an estate may be beside it.
        """
        if inventory is not None:
            return self._site_at(inventory, name)
        known = self.sites()
        if name is None:
            if len(known) > 1:
                raise UsageError(f"there are several sites: {', '.join(known)}", mend="say which with --site")
            if not known:
                return None
            name = known[0]
        if name not in known:
            raise UsageError(f"there is no site {name!r} below inventories/", mend=_mend(name, known))
        directory = self.inside("inventories", name)
        return Site(name, directory, directory)

    def _site_at(self, inventory: Path, name: str | None) -> Site:
        if not inventory.exists():
            raise UsageError(f"there is no inventory {inventory}", mend="name a hosts.yml or the directory it is in")
        directory = inventory if inventory.is_dir() else inventory.parent
        if name is not None:
            named = self.site(name)
            assert named is not None  # a site asked for by name is there or refused
            return Site(named.name, named.directory, inventory)
        return Site(directory.resolve().name, directory, inventory)

    def inside(self, folder: str, relative: str) -> Path:
        """``folder/relative`` below the root. Raises UsageError where it would lead out of the workspace."""
        pure = PurePosixPath(relative)
        if pure.is_absolute() or ".." in pure.parts or "\0" in relative or not pure.parts:
            raise UsageError(
                f"{relative!r} is not a path below {folder}/", mend=f"write it relative to {folder}/, without '..'"
            )
        path = self.root / folder / pure
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise UsageError(
                f"{folder}/{relative} leads out of the workspace through a symbolic link",
                mend="put the file itself into the workspace",
            )
        return path

    def _listed(self, folder: str) -> list[str]:
        top = self.root / folder
        return sorted(
            path.relative_to(top).as_posix()
            for path in top.rglob("*")
            if path.suffix in _ENDINGS and path.is_file() and not path.name.startswith(".")
        )

    def _find(self, folder: str, name: str, key: str, listed: Callable[[], list[str]]) -> str:
        relative = name.removeprefix("./").removeprefix(f"{folder}/")
        self.inside(folder, relative)
        for ending in ("", *_ENDINGS):
            path = self.inside(folder, relative + ending)
            if path.is_file():
                return PurePosixPath(relative + ending).as_posix()
        known = listed()
        own = [path for path in known if _own_name(self.root / folder / path, key) == relative]
        if len(own) == 1:
            return own[0]
        if own:
            raise UsageError(
                f"several {key}s are named {relative!r}: {', '.join(own)}", mend=f"give the path below {folder}/"
            )
        raise UsageError(f"there is no {key} {name!r} below {self.root / folder}", mend=_mend(relative, known))


def _own_name(path: Path, key: str) -> str | None:
    """What a document calls itself, without reading all of it; a file that is wrong has no name here."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return None
    found = re.search(rf"^{key}: *['\"]?([a-z0-9_-]+)['\"]? *(?:#.*)?$", head, re.MULTILINE)
    return found[1] if found else None


def _mend(name: str, known: list[str]) -> str:
    if not known:
        return "the workspace has none; is this the right directory?"
    stems = {path.rpartition(".")[0] or path: path for path in known}
    close = get_close_matches(name, [*stems, *known], n=1)
    if close:
        return f"did you mean {stems.get(close[0], close[0])!r}?"
    return f"there are: {', '.join(known[:20])}"


def walk_files(top: Path) -> Iterator[Path]:
    """Every file below ``top``, sorted, links not followed into directories; caches and version control left out."""
    for path in sorted(top.iterdir()):
        if path.name in ("__pycache__", ".git"):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from walk_files(path)
        else:
            yield path
