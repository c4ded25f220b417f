"""The program that runs one playbook: ``python -P -m orchestrator.executors.ansible_child DIRECTORY``.

It is started detached (see ``detached``) and outlives the driver. The request comes on standard input, as it may
hold secrets. Everything it prints and writes is redacted before it is written; what Ansible itself must find
on disk lies in ``DIRECTORY/private`` (0700) and is gone at the end. ``DIRECTORY/result.json`` is how it ended.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from orchestrator.executors import detached, jobdir
from orchestrator.executors.ansible_events import Summary
from orchestrator.executors.ansible_surroundings import EMPTY_CONFIG
from orchestrator.model.redaction import Redactor

RESULT = "result.json"
PRIVATE = "private"
EXTRAVARS, ADDITIONS = "env/extravars", "additions.json"
"""In the private directory: the step's variables, and the inventory that is read after the workspace's own."""
BEGUN = "playing"
"""An empty file: Ansible may have been started."""
_TAIL = 6000
"""Characters of the output's end that go into the result: Ansible's own errors are there and in no event."""


class RedactedOutput(io.TextIOBase):
    """Standard output without the secrets, line by line, as it comes."""

    def __init__(self, descriptor: int, redactor: Redactor) -> None:
        self._descriptor = descriptor
        self._redactor = redactor
        self._begun = ""
        self.tail = ""
        self.lost = ""

    def write(self, text: str) -> int:
        """Write the whole lines of ``text``; the rest waits, so that no secret is cut in two."""
        whole, newline, self._begun = (self._begun + text).replace("\r\n", "\n").rpartition("\n")
        if newline:
            self._put(whole + newline)
        return len(text)

    def finish(self) -> None:
        """Write what is left."""
        self._put(self._begun)
        self._begun = ""

    def _put(self, text: str) -> None:
        clean = self._redactor.text(text)
        self.tail = (self.tail + clean)[-_TAIL:]
        raw = clean.encode("utf-8", errors="replace")
        try:
            while raw:
                raw = raw[os.write(self._descriptor, raw) :]
        except OSError as error:  # a full disk: the play is at work and must be seen to its end all the same
            self.lost = str(error)


class Begin(Protocol):
    """Begins the play."""

    def ready(self, directory: Path, request: Mapping[str, Any]) -> None:
        """What Ansible will read is in its place; ansible-runner has not been asked yet."""

    def __call__(self, args: list[bytes], more: dict[str, Any]) -> Any:
        """Begin a command on a terminal of its own, as ``ptyprocess.PtyProcess.spawn`` does, with the locks to hold."""

    def over(self) -> None:
        """The play has ended, or will never begin."""


class Fresh:
    """Begins the program itself."""

    def ready(self, directory: Path, request: Mapping[str, Any]) -> None:
        """See Begin."""

    def __call__(self, args: list[bytes], more: dict[str, Any]) -> Any:
        """See Begin."""
        import ptyprocess  # type: ignore[import-untyped]

        return ptyprocess.PtyProcess.spawn(args, pass_fds=(detached.LOCKS,), **more)

    def over(self) -> None:
        """See Begin."""


def play(directory: Path, request: Mapping[str, Any], begin: Begin) -> dict[str, Any]:
    """Run the playbook through ansible-runner; answers how it ended and what its events came to."""
    import ansible_runner
    import pexpect  # type: ignore[import-untyped]

    private = directory / PRIVATE
    for place in (private, private / "env", private / "tmp", private / "home"):
        place.mkdir(mode=0o700)
    (private / EMPTY_CONFIG).touch(mode=0o600)
    extravars = private / EXTRAVARS
    _write(extravars, request["extravars"])
    inventory = [request["inventory"]]
    if request["hosts"]:
        _write(private / ADDITIONS, request["hosts"])
        inventory.append(str(private / ADDITIONS))
    begin.ready(directory, request)
    started = _share_locks(pexpect, begin)
    (directory / BEGUN).touch(mode=0o600)
    summary = Summary(on_first=lambda: extravars.unlink(missing_ok=True))
    settings = {"suppress_output_file": True, "suppress_ansible_output": False}
    error = ""
    try:
        rc = ansible_runner.run(
            private_data_dir=str(private),
            ident="run",  # made by us: a name from outside could lead out of the directory
            project_dir=request["project"],
            playbook=request["playbook"],
            inventory=inventory,
            limit=request["limit"],
            tags=",".join(request["tags"]) or None,
            cmdline=" ".join(request["arguments"]) or None,
            settings=settings,
            fact_cache_type="memory",
            event_handler=summary.take,
            # With a callback of ours the runner leaves the signal handlers alone, and kills nothing by itself:
            # it would kill the parent and leave its workers at work.
            cancel_callback=lambda: False,
        ).rc
    except Exception:  # noqa: BLE001  whatever the runner throws, what the events said still counts
        error = traceback.format_exc()
        for process in started:  # it works on, even if the runner broke: its end is this program's end
            process.logfile_read = None
            while process.isalive():
                process.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=1)
        rc = started[0].exitstatus if started else None
    return {"rc": rc, "error": error, **summary.to_body()}


def _write(path: Path, value: Any) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(value))  # json.dump would write it word by word


def _share_locks(pexpect: Any, begin: Begin) -> list[Any]:
    """Let ansible-playbook itself hold the run's locks too, should this process be killed before it.

    pexpect closes everything else and has no public way to say so. Ansible closes it again for its modules.
    Answers a list in which what pexpect starts will be found.
    """
    started: list[Any] = []

    class Sharing(pexpect.spawn):  # type: ignore[misc]
        def _spawnpty(self, args: list[bytes], **kwargs: Any) -> Any:
            process = begin(args, kwargs)
            process.delayafterclose = 0  # it is closed when its end is known: there is nothing to wait for
            started.append(self)
            return process

    pexpect.spawn = Sharing
    return started


def work(directory: Path, request: Mapping[str, Any], begin: Begin | None = None) -> None:
    """Run the playbook and write the result. Standard output is the job's ``out``."""
    begin = begin or Fresh()
    redactor = Redactor(request["secrets"])
    output = RedactedOutput(1, redactor)
    sys.stdout = sys.stderr = output
    try:
        result = play(directory, request, begin)
    finally:
        begin.over()
    output.finish()
    result["tail"] = output.tail
    result["lost"] = output.lost
    jobdir.shred(directory / PRIVATE)  # first: it may be what fills the disk
    # Not durable, as the exit code is not either: after a power cut in this moment the end is unknown. The driver keeps
    # the outcome durably.
    jobdir.write_at_once(directory / RESULT, json.dumps(redactor.value(result)))


def main(directory: Path) -> int:
    """Read the request, run the playbook, write the result."""
    # The driver stops the whole family: this process only has to live long enough to say how it went.
    signal.signal(signal.SIGTERM, lambda *_: None)
    work(directory, json.load(sys.stdin.buffer))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
