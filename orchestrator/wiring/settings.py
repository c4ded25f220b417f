"""Where things are, and who is asking: from options, else the environment, else the usual places."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path

from orchestrator.plain import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are, and who is asking.

    ``workspace`` holds runbooks/, playbooks/ and inventories/; ``state`` is private to this program (0700);
    ``store`` is the journal's store (a file, or ``postgresql://...``). ``by`` is the name a person gives,
    ``account`` the operating-system account it is given from: the name is a claim, the account is not.
    """

    workspace: Path
    state: Path
    store: str
    by: str
    account: str

    @classmethod
    def from_environment(
        cls,
        *,
        workspace: str | Path | None = None,
        state: str | Path | None = None,
        store: str | None = None,
        by: str | None = None,
    ) -> Settings:
        """Options win over ``HOLDFAST_WORKSPACE``, ``HOLDFAST_STATE``, ``HOLDFAST_STORE`` and ``HOLDFAST_BY``."""
        state_dir = (
            Path(state or os.environ.get("HOLDFAST_STATE") or _state_home() / "holdfast").expanduser().absolute()
        )
        user = _user()
        return cls(
            workspace=Path(workspace or os.environ.get("HOLDFAST_WORKSPACE") or ".").expanduser().absolute(),
            state=state_dir,
            store=store or os.environ.get("HOLDFAST_STORE") or str(state_dir / "journal.sqlite3"),
            by=by or os.environ.get("HOLDFAST_BY") or user,
            account=f"{user}@{socket.gethostname()}",
        )

    def run_dir(self, run_id: str) -> Path:
        """A run's own directory: jobs/ while they run, outputs/ for good."""
        return self.state / "runs" / run_id


def _state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())  # an account without a name, as containers have them
