"""SHA-256 of everything a run is bound to, part by part: drill what you run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from orchestrator.documents.inventory import hosts_file, inventory_files
from orchestrator.documents.workspace import Workspace, walk_files
from orchestrator.errors import DocumentError, Problem


def digests(
    workspace: Workspace, runbooks: Iterable[str], *, playbooks: bool, inventory: Path | None
) -> dict[str, str]:
    """Part to SHA-256 (hex).

    Parts: each runbook file (``runbooks/<path>``, nested ones too); with ``playbooks`` everything below playbooks/ as
    one part (a playbook reaches roles, files, templates and other playbooks in ways only Ansible knows, so all of it
    counts) and ``ansible.cfg`` where there is one; ``inventory``: the hosts file, group_vars/ and host_vars/.
    Raises DocumentError for a file that cannot be read or leads out of the workspace.
    """
    found = {f"runbooks/{path}": _of_file(workspace.inside("runbooks", path)) for path in sorted(set(runbooks))}
    if playbooks and workspace.playbooks_dir.is_dir():
        top = workspace.playbooks_dir
        found["playbooks/"] = _of_files(top, (_kept_inside(workspace, path) for path in walk_files(top)))
    config = workspace.root / "ansible.cfg"
    if playbooks and config.is_file():
        found["ansible.cfg"] = _of_file(config)
    if inventory is not None:
        top = hosts_file(inventory).parent
        found["inventory"] = _of_files(top, inventory_files(inventory))
    return found


def _kept_inside(workspace: Workspace, path: Path) -> Path:
    if path.is_symlink():
        if path.is_dir():
            raise _refused(path, "a symbolic link to a directory", "put the directory itself there")
        if not path.resolve().is_relative_to(workspace.root.resolve()):
            raise _refused(path, "a symbolic link out of the workspace", "put the file itself there")
    if not path.is_file():
        raise _refused(path, "neither a file nor a directory", "take it out of playbooks/")
    return path


def _of_files(top: Path, paths: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{_of_file(path)}  {path.relative_to(top).as_posix()}\n".encode())
    return whole.hexdigest()


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}", "check its permissions") from error


def _refused(path: Path, message: str, mend: str) -> DocumentError:
    return DocumentError([Problem(str(path), 1, 1, message, mend)])
