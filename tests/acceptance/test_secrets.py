"""Planted secrets, used everywhere a secret can be used and echoed in every encoding, are nowhere afterwards."""

from __future__ import annotations

import base64
import html
import json
import os
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from acceptance_kit import DEADLINE, Desk, end
from small_workspace import make_workspace, play, step

FROM_ENV = 'env/"Qx7"\\pä%&+ss w0rd-4711'
FROM_FILE = "file=Zk9&<tok>'en'/é+5023 x"
SECRETS = (FROM_ENV, FROM_FILE)

ECHOES = """
import base64, json, os, sys, urllib.parse
secrets = [os.environ.get("TOKEN", ""), sys.stdin.read()]
for secret in filter(None, secrets):
    for text in (secret, base64.b64encode(secret.encode()).decode(), urllib.parse.quote(secret, safe=""),
                 urllib.parse.quote_plus(secret), json.dumps({"p": secret}), json.dumps(secret, ensure_ascii=False)):
        print(text)
        print(text, file=sys.stderr)
if len(sys.argv) > 1:
    raise RuntimeError("the login with " + secrets[0] + " and " + secrets[1] + " was refused")
"""


def _forms(secret: str) -> set[bytes]:
    """What the secret looks like, written down by hand here and not with the program's own redactor."""
    raw = secret.encode()
    texts = {
        secret,
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
        raw.hex(),
    }
    return {text.encode() for text in texts}


FORMS = set().union(*(_forms(secret) for secret in SECRETS))


def _seen_in(data: bytes) -> bool:
    return any(form in data for form in FORMS)


def _files_with_secrets(*places: Path) -> list[str]:
    files = (path for place in places for path in place.rglob("*") if path.is_file())
    return [str(path) for path in files if _seen_in(path.read_bytes())]


class _Sampler:
    """Reads the words of all processes as often as it can."""

    def __init__(self) -> None:
        self.looks = 0
        self.found: set[bytes] = set()
        self.stop = threading.Event()

    def look(self) -> None:
        while not self.stop.is_set():
            for entry in os.scandir("/proc"):
                if entry.name.isdigit() and int(entry.name) != os.getpid():
                    try:
                        words = Path(entry.path, "cmdline").read_bytes()
                    except OSError:
                        continue  # it has ended
                    if _seen_in(words) or _seen_in(words.replace(b"\0", b" ")):
                        self.found.add(words)
            self.looks += 1
            time.sleep(0.01)


@contextmanager
def _sampling() -> Iterator[_Sampler]:
    sampler = _Sampler()
    thread = threading.Thread(target=sampler.look, daemon=True)
    thread.start()
    try:
        yield sampler
    finally:
        sampler.stop.set()
        thread.join(30)


@contextmanager
def _server() -> Iterator[tuple[int, list[str]]]:
    """Answers what it was sent in the header, so that a probe's own answer holds the secret."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.headers["X-Token"])
            body = json.dumps({"token": self.headers["X-Token"]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class calls it so
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _workspace(place: Path, port: int, *, fails: bool) -> Path:
    argv = [sys.executable, "-c", ECHOES]
    # Not by Ansible's own "environment": Ansible itself writes that into a shell's words, where ps shows it.
    tasks = [
        {"ansible.builtin.debug": {"msg": "{{ login.one }} and {{ login.two | b64encode }}"}},
        {
            "ansible.builtin.command": {"argv": argv, "stdin": "{{ item }}"},
            "loop": ["{{ login.one }}", "{{ login.two }}"],
            "register": "said",
        },
        {"ansible.builtin.debug": {"var": "said"}},
        {"ansible.builtin.set_stats": {"data": {"one": "{{ login.one }}", "quoted": "{{ login.two | urlencode }}"}}},
    ]
    ansible = {
        **step("ansible", []),
        "ansible": {"playbook": "p.yml", "limit": "here", "vars": {"login": {"one": "{{ one }}", "two": "{{ two }}"}}},
    }
    del ansible["fabric"]
    given = {"host": "here", "env": {"TOKEN": "{{ one }}"}, "stdin": "{{ two }}"}
    http = {"url": f"http://127.0.0.1:{port}/", "headers": {"X-Token": "{{ ascii }}"}}
    steps = [
        ansible,
        {**step("fabric", []), "fabric": {**given, "argv": argv}},
        {"id": "http", "probe": {"http": http}, "timeout": "30s", "expect": {"output.status": 200}},
    ]
    if fails:
        steps.append({**step("traceback", []), "fabric": {**given, "argv": [*argv, "fail"]}})
    inputs = {name: {"type": "secret"} for name in ("one", "two", "ascii")}
    return make_workspace(place, steps, playbooks={"p.yml": play(*tasks)}, inputs=inputs)


ASCII = "hdr-Tt8/plain+secret=6144"
FORMS |= _forms(ASCII)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fails", [False, True], ids=["and all goes well", "and a traceback shows them"])
def test_planted_secrets_are_nowhere(tmp_path: Path, fails: bool) -> None:
    file = tmp_path / "token"
    file.write_text(FROM_FILE + "\n")
    file.chmod(0o600)
    with _server() as (port, got), _sampling() as sampler:
        workspace = _workspace(tmp_path / "workspace", port, fails=fails)
        planted = {"PLANTED_ONE": FROM_ENV, "PLANTED_ASCII": ASCII}
        desk = Desk(state=tmp_path / "state", workspace=workspace, extra=planted)
        references = ("one=env:PLANTED_ONE", f"two=file:{file}", "ascii=env:PLANTED_ASCII")
        words = [part for reference in references for part in ("--input", reference)]
        driver = desk.start("run", "small", "--mode", "live", "--json", *words)
        try:
            out, err = driver.communicate(timeout=DEADLINE)
        finally:
            end(driver)
        assert driver.returncode == (4 if fails else 0), "the run ended otherwise than it should"
        if fails:
            assert desk.holdfast("abort", "last", "--why", "the login is wrong", "--resume").code == 3
        told = [out, err]
        papers, bundle, metrics = tmp_path / "papers", tmp_path / "bundle", tmp_path / "metrics"
        metrics.mkdir()
        for more in (
            ("record", "last", "--out", str(papers)),
            ("record", "last", "--bundle", "--out", str(bundle)),
            ("metrics", "--textfile", str(metrics / "holdfast.prom")),
            ("journal", "last", "--json"),
            ("status", "last"),
            ("verify", str(bundle)),
        ):
            answer = desk.holdfast(*more)
            assert answer.code == 0, f"{more[0]} ended with {answer.code}"
            told += [answer.out, answer.err]

    # They really were used, and the echoes really were kept, blotted out.
    assert got and set(got) == {ASCII}
    outputs = [path.read_text() for path in (tmp_path / "state").glob("runs/*/outputs/*")]
    assert sum("[redacted]" in text for text in outputs) >= (4 if fails else 3)
    ends = {seen.body["step"]: seen.body["outcome"] for seen in desk.journal() if seen.kind == "step.ended"}
    assert ends["http"]["output"]["json"]["token"] == "[redacted]"
    assert ends["ansible"]["output"]["one"] == "[redacted]"

    # And nowhere is any of it. What is compared is not shown: a failing test must not print them either.
    leaks = _files_with_secrets(tmp_path / "state", papers, bundle, metrics, workspace)
    assert leaks == []
    assert not any(_seen_in(text.encode()) for text in told), "a command printed a secret"
    assert sampler.looks > 5
    assert len(sampler.found) == 0, "a secret was among the words of a process"
