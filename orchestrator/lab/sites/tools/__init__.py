"""Programs that are installed on the lab's hosts as /usr/local/sbin/hf-*: for people, playbooks and the lab alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.lab.sites.host import LabHost

PLACE = Path("usr/local/sbin")


def install(host: LabHost, names: Sequence[str]) -> None:
    """Put these programs on a host."""
    for name in names:
        target = host.root / PLACE / name
        target.write_bytes(Path(__file__).with_name(name).read_bytes())
        target.chmod(0o755)


def show_own_paging(host: LabHost) -> None:
    """Let a host's ``swapon --show`` list its own paging spaces only, and not those of all hosts on this kernel."""
    real = host.root / "usr/sbin/swapon"
    real.rename(real.with_name("swapon.kernel"))
    real.write_bytes(Path(__file__).with_name("hf-swapon").read_bytes())
    real.chmod(0o755)
