"""Starting what runs beside the databases: the order service and the customer outside."""

from __future__ import annotations

import subprocess
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab import postgres, processes
from orchestrator.lab.layout import SERVICE, Layout


def start_service(layout: Layout) -> None:
    """Start the order service; answers when its port is open. Raises PortTaken, LabError."""
    _daemon(
        layout, "order_service", layout.host(SERVICE), layout.service_record,
        [
            "--port", str(layout.ports[SERVICE]), "--psql", str(layout.programs / "psql"),
            "--target", str(layout.service_file),
        ],
    )  # fmt: skip


def start_client(layout: Layout, every: float) -> None:
    """Start the customer outside, unless it runs: one order each ``every`` seconds. Raises LabError."""
    if processes.recall(layout.client_record) is not None:
        return
    _daemon(
        layout, "client", layout.receipts.parent, layout.client_record,
        ["--port", str(layout.ports[SERVICE]), "--receipts", str(layout.receipts), "--every", str(every)],
    )  # fmt: skip


def _daemon(layout: Layout, module: str, directory: Path, record: Path, words: list[str]) -> None:
    account = layout.account
    become = ["--uid", str(account.uid), "--gid", str(account.gid)] if account.drops else []
    log = directory / f"{module}.log"
    argv = [
        layout.python, "-P", "-m", f"orchestrator.lab.{module}", *words,
        "--daemon", "--record", str(record), "--log", str(log), *become,
    ]  # fmt: skip
    done = subprocess.run(
        argv,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 98:
        raise postgres.PortTaken(f"port {layout.ports[SERVICE]} of the {module} was taken", mend="try again")
    if done.returncode != 0:
        raise LabError(f"the {module} does not start: {done.stderr.strip()[-1000:]}", mend=f"see {log}")
