"""Every command and its one-line help, without importing any of them.

``holdfast --help`` and shell completion read this table; a test holds it and the commands together.
"""

from __future__ import annotations

PREPARE = "Before the night"
RUN = "Run and watch"
DECIDE = "Decide for a run that waits or is stuck"
PROVE = "Afterwards"
PRACTISE = "Practise"

COMMANDS: dict[str, tuple[str, str]] = {
    "init": (PREPARE, "Make a workspace from the shipped runbooks, playbooks, drills and inventory."),
    "lint": (PREPARE, "Check documents and name every problem at once, with its place and its mend."),
    "plan": (PREPARE, "Show what would run where, how long it may take, and how it is undone."),
    "schema": (PREPARE, "Print the JSON Schema of a kind of document."),
    "diagnose": (RUN, "Look, change nothing, and name the fault class the evidence bears out."),
    "run": (RUN, "Run a runbook or a drill."),
    "resume": (RUN, "Drive a run on from where its journal stands."),
    "status": (RUN, "List the runs, or show where one stands and how it goes on."),
    "approve": (DECIDE, "Approve a step that asks for it."),
    "reject": (DECIDE, "Say no to a step that asks for approval."),
    "retry": (DECIDE, "Try a failed or doubtful step again."),
    "skip": (DECIDE, "Leave a stuck step out and go on."),
    "mark-done": (DECIDE, "Say that a step has been done by hand."),
    "override": (DECIDE, "Go past a fence or a missing approval, by name and with a reason."),
    "rollback": (DECIDE, "Undo what the run has done, last step first."),
    "abort": (DECIDE, "End the run where it is, undoing nothing."),
    "journal": (PROVE, "Show a run's journal, or import one that was kept elsewhere."),
    "record": (PROVE, "Write a run's record, and its bundle for an auditor."),
    "verify": (PROVE, "Check a bundle or a run: chain, digests and signature."),
    "metrics": (PROVE, "Write the metrics for Prometheus's textfile collector."),
    "lab": (PRACTISE, "Real systems on this machine, to practise on."),
    "demo": (PRACTISE, "Break a real database and recover it, measured, in about a minute."),
}
"""Command to its section and one-line help, in the order of the help."""


def module_of(command: str) -> str:
    """The module that holds a command."""
    return f"orchestrator.cli.commands.{command.replace('-', '_')}"
