"""What a play's end means. Only a play that said, in its own statistics, that all went well is ok."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.model.outcome import Ending, Outcome, failed, unknown

NEVER_CONNECTED = re.compile(
    r"ssh: connect to host .* port \d+: |Could not resolve hostname|Host key verification failed"
    r"|REMOTE HOST IDENTIFICATION HAS CHANGED|Permission denied \([a-z,-]+\)|Too many authentication failures"
    r"|timed out during banner exchange|kex_exchange_identification: |no matching host key"
)
"""What ssh says when it did not get as far as running anything."""

_MENDS = (
    (
        re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED"),
        "the host's key has changed: ask the host's keeper why before anything else; "
        "if it was rebuilt, remove the old line with ssh-keygen -R and add the new key to the known_hosts file",
    ),
    (
        re.compile(r"Host key verification failed|No \S+ host key is known"),
        "compare the host's key with its keeper's and add it to the known_hosts file "
        "(host variable holdfast_known_hosts, else ~/.ssh/known_hosts)",
    ),
    (re.compile(r"Permission denied \("), "check ansible_user and its key on the host"),
    (re.compile(r"Could not resolve hostname"), "check ansible_host in the inventory, or the name service"),
    (
        re.compile(r"Missing sudo password|password is required"),
        "let the user become root without a password",
    ),
    (
        re.compile(r"command was not found or was not executable: ansible-playbook"),
        "install ansible-core beside holdfast",
    ),
    (re.compile(r"the role '([^']+)' was not found"), "put the role {0} into playbooks/roles"),
)
_UNRESOLVED = re.compile(r"resolve (?:module|module/action|role|action) ['\"]?([\w.]+)")
_COLLECTION = re.compile(r"[a-z_]\w*\.[a-z_]\w*(?=\.)")
_MEANT = 6
"""Lines of Ansible's own error that are told."""


def mend_of(text: str) -> str:
    """What to do about the error in ``text``; empty where nothing better is known than the text itself."""
    for pattern, mend in _MENDS:
        if found := pattern.search(text):
            return mend.format(*found.groups())
    if found := _UNRESOLVED.search(text):
        collection = _COLLECTION.match(found.group(1))
        if collection:
            name = collection.group(0)
            return f"the collection {name} is missing: put it into playbooks/collections or install it for Ansible"
        return f"there is no {found.group(1)} here: name it in full (namespace.collection.name) and have its collection"
    return ""


def judge(result: Mapping[str, Any] | None, cut: str = "") -> Outcome:
    """The outcome of a play that left ``result`` (None: it left none). ``cut`` says why it was stopped, if it was.

    FAILED is only said of what certainly did not happen, or told its failure; all else that is not ok is UNKNOWN.
    """
    if result is None:
        return unknown(_sentence(cut or "the play was killed", "", "it may have done its work all the same"))
    body = _output(result)
    stats, rc = result["stats"], result["rc"]
    if cut and not (rc == 0 and stats):
        return unknown(_sentence(cut, result["task"], "the task may have completed anyway"), output=body)
    if stats is None or rc is None or rc < 0:
        return _without_stats(result, body)
    if not stats["processed"]:
        return failed("the play matched no host: nothing was done", mend="compare its hosts: with the step's limit")
    if stats["dark"]:
        return _unreachable(result, body)
    if rc != 0 or stats["failures"]:
        text = _told(result["failures"]) or _meant(result["tail"]) or f"ansible-playbook ended with {rc}"
        return _changed(failed(text, mend=mend_of(text), output=body), stats)
    return _changed(Outcome(Ending.OK, output=body), stats)


def _without_stats(result: Mapping[str, Any], body: Mapping[str, Any]) -> Outcome:
    rc = result["rc"]
    text = _meant(result["tail"]) or result["error"].strip() or "ansible-playbook said nothing"
    if rc is not None and rc > 0 and not result["begun"]:
        return failed(text, mend=mend_of(text), output=body)
    if rc == 0:
        return unknown("ansible-playbook ended well without saying what it did (no statistics)", output=body)
    why = "ansible-playbook was killed" if rc is None or rc < 0 else f"ansible-playbook broke off with {rc}: {text}"
    return unknown(_sentence(why, result["task"], "the task may have completed"), mend=mend_of(text), output=body)


def _unreachable(result: Mapping[str, Any], body: Mapping[str, Any]) -> Outcome:
    notes = result["unreachable"]
    text = _told([*notes, *result["failures"]])
    hosts = ", ".join(sorted(result["stats"]["dark"]))
    never = all(NEVER_CONNECTED.search(note["message"]) and note["host"] not in result["worked"] for note in notes)
    if notes and never:
        return _changed(failed(f"unreachable: {hosts}. {text}", mend=mend_of(text), output=body), result["stats"])
    why = f"the connection was lost ({hosts}); what was running there may have completed. {text}"
    return unknown(why, mend=mend_of(text), output=body)


def _changed(outcome: Outcome, stats: Mapping[str, Mapping[str, int]]) -> Outcome:
    return Outcome(
        outcome.ending,
        output=outcome.output,
        error=outcome.error,
        mend=outcome.mend,
        changed=any(count > 0 for count in stats["changed"].values()),
    )


def _output(result: Mapping[str, Any]) -> dict[str, Any]:
    stats = result["stats"]
    if stats is None:
        return {}
    hosts = {
        host: {
            "ok": stats["ok"].get(host, 0),
            "changed": stats["changed"].get(host, 0),
            "failures": stats["failures"].get(host, 0),
            "unreachable": stats["dark"].get(host, 0),
        }
        for host in sorted(stats["processed"])
    }
    return {**result["custom"], "hosts": hosts}


def _sentence(why: str, task: str, then: str) -> str:
    return f"{why} (at task {task!r}); {then}" if task else f"{why}; {then}"


def _told(notes: list[Mapping[str, str]]) -> str:
    return "\n".join(f"{note['host']}, task {note['task']!r}: {note['message']}" for note in notes)


def _meant(tail: str) -> str:
    """Ansible's own error lines at the output's end; they come in no event."""
    lines = [line.rstrip() for line in tail.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.startswith(("ERROR!", "[ERROR]"))]
    return "\n".join(lines[starts[0] :][:_MEANT]) if starts else "\n".join(lines[-_MEANT:])
