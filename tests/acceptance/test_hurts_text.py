"""Text that would like to be code, names that lead elsewhere, bombs, and evidence that was tampered with."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from acceptance_kit import COMMAND, Answer, Desk
from small_workspace import make_workspace, play, step

pytestmark = pytest.mark.timeout(300)

LIVE = ("run", "small", "--mode", "live", "--json")
NASTY = [
    "{{ lookup('pipe', 'touch {hurt}') }}",
    "{% for x in range(9) %}x{% endfor %}",
    "$(touch {hurt})",
    "; touch {hurt}",
    "-oProxyCommand=touch {hurt}",
    "two\nlines",
    'it\'s "quoted" \\ 中文',
]


# -- 21: every value is literal text --------------------------------------------------------------------------------


def test_a_value_that_does_not_fit_its_pattern_is_refused_and_not_evaluated(tmp_path: Path) -> None:
    workspace = make_workspace(
        tmp_path / "workspace",
        [step("say", ["echo", "{{ cluster }}"])],
        inputs={"cluster": {"type": "string", "pattern": "[a-z0-9-]{1,40}"}},
    )
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    for value in ("{{ 7*7 }}", "$(id)", "-oProxyCommand=id", "a\nb", "a; id", ""):
        answer = desk.holdfast(*LIVE, "--input", f"cluster={value}")
        assert answer.code == 2, answer.out
        assert "cluster" in answer.err and "49" not in answer.err
    assert desk.journal() == []


def test_any_text_reaches_journal_fabric_ansible_and_record_as_it_is(tmp_path: Path) -> None:
    hurt = tmp_path / "hurt"
    nasty = [text.replace("{hurt}", str(hurt)) for text in NASTY]
    names = [f"text-{number}" for number in range(len(nasty))]
    said = "import json, sys; print(json.dumps({'said': sys.argv[1:]}))"
    words = ["python3", "-c", said, *(f"{{{{ inputs['{name}'] }}}}" for name in names)]
    prints = {"argv": ["printf", "%s|", "{{ texts[0] }}", "{{ texts[1] }}"]}
    stats = {"data": {"said": "{{ texts }}", "printed": "{{ r.stdout }}"}}
    tasks = play({"ansible.builtin.command": prints, "register": "r"}, {"ansible.builtin.set_stats": stats})
    take = {"texts": [f"{{{{ inputs['{name}'] }}}}" for name in names]}
    ansible = {**step("ansible", []), "ansible": {"playbook": "p.yml", "limit": "here", "vars": take}}
    del ansible["fabric"]
    workspace = make_workspace(
        tmp_path / "workspace",
        [step("fabric", words), ansible],
        playbooks={"p.yml": tasks},
        inputs={name: {"type": "string"} for name in names},
    )
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    given = [part for name, text in zip(names, nasty, strict=True) for part in ("--input", f"{name}={text}")]
    answer = desk.holdfast(*LIVE, *given)
    assert answer.code == 0, answer.out + answer.err
    assert not hurt.exists()
    journal = desk.journal()
    assert [journal[0].body["plan"]["inputs"][name] for name in names] == nasty
    ends = {seen.body["step"]: seen.body["outcome"]["output"] for seen in journal if seen.kind == "step.ended"}
    assert ends["fabric"]["said"] == nasty
    assert ends["ansible"]["said"] == nasty
    assert ends["ansible"]["printed"] == f"{nasty[0]}|{nasty[1]}|"
    record = desk.record()
    assert [record["inputs"][name] for name in names] == nasty
    assert not hurt.exists()


# -- 22: names do not lead elsewhere --------------------------------------------------------------------------------


def test_no_name_leads_out_of_the_workspace_or_the_state(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "workspace", [step("one", ["true"])])
    outside = make_workspace(tmp_path / "outside", [step("one", ["true"])]) / "runbooks/small.yaml"
    (workspace / "runbooks/link.yaml").symlink_to(outside)
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    assert desk.holdfast(*LIVE).code == 0
    for name in ("../../outside/runbooks/small.yaml", str(outside), "link", "link.yaml", "runbooks/../../outside/x"):
        answer = desk.holdfast("run", name, "--mode", "live")
        assert answer.code == 2, f"{name}: {answer.out}{answer.err}"
    for run in ("../../outside", "/etc/passwd", "..", "%2e%2e"):
        for verb in (("status", run), ("journal", run), ("record", run), ("resume", run)):
            assert desk.holdfast(*verb).code == 2, verb
    assert desk.holdfast("run", "small", "--mode", "live", "--site", "../../outside/inventories/here").code == 2


@pytest.mark.parametrize("book", ["../../outside.yml", "/etc/hosts", "link.yml"])
def test_a_playbook_outside_is_refused_before_anything_is_done(tmp_path: Path, book: str) -> None:
    (tmp_path / "outside.yml").write_text(play({"ansible.builtin.debug": {}}))
    ansible = {**step("ansible", []), "ansible": {"playbook": book, "limit": "here"}}
    del ansible["fabric"]
    workspace = make_workspace(tmp_path / "workspace", [ansible], playbooks={"p.yml": play()})
    (workspace / "playbooks/link.yml").symlink_to(tmp_path / "outside.yml")
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    answer = desk.holdfast(*LIVE)
    assert answer.code == 2, answer.out + answer.err
    assert desk.journal() == []


# -- 23: bombs ------------------------------------------------------------------------------------------------------


def _spent(desk: Desk, *words: str) -> tuple[float, Answer]:
    """Processor seconds a command took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = desk.holdfast(*words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, answer


def _aliases() -> str:
    rows = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    return "a0: &a0 [x, x]\n" + "".join(rows)


BOMBS: dict[str, Callable[[], str]] = {
    "aliases": _aliases,
    "nesting": lambda: "a: " + "[" * 100_000,
    "fifty megabytes": lambda: "a: x\n" * 10_000_000,
    "duplicates": lambda: "runbook: one\n" * 2,
    "tag": lambda: "runbook: !!python/object/apply:os.system ['touch hurt']\n",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_within_a_second_with_its_place(tmp_path: Path, bomb: str) -> None:
    workspace = make_workspace(tmp_path / "workspace", [step("one", ["true"])])
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    idle, answer = _spent(desk, "lint", "small")
    assert answer.code == 0
    (workspace / "runbooks/small.yaml").write_text(BOMBS[bomb]())
    took, answer = _spent(desk, "lint", "small")
    assert answer.code == 2
    assert "small.yaml:" in answer.out.splitlines()[0]
    assert took - idle < 1.0
    assert not (tmp_path / "hurt").exists()


# -- 26: evidence ---------------------------------------------------------------------------------------------------


def _lines(bundle: Path) -> list[str]:
    return (bundle / "journal.jsonl").read_text().splitlines(keepends=True)


def _edit(bundle: Path) -> None:
    lines = _lines(bundle)
    lines[3] = lines[3].replace('"one', '"two', 1)
    (bundle / "journal.jsonl").write_text("".join(lines))


def _delete(bundle: Path) -> None:
    lines = _lines(bundle)
    (bundle / "journal.jsonl").write_text("".join([*lines[:3], *lines[4:]]))


def _reorder(bundle: Path) -> None:
    lines = _lines(bundle)
    (bundle / "journal.jsonl").write_text("".join([*lines[:3], lines[4], lines[3], *lines[5:]]))


def _cut(bundle: Path) -> None:
    (bundle / "journal.jsonl").write_text("".join(_lines(bundle)[:-1]))


def _output(bundle: Path) -> None:
    file = next(bundle.rglob("*.out"))
    file.write_bytes(file.read_bytes().replace(b"said", b"sajd"))


def _check(place: Path, words: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """``holdfast verify`` as on another machine: no state directory, no workspace."""
    env = {"PATH": os.environ["PATH"], "HOME": str(place.parent / "home"), "LANG": "C.UTF-8"}
    return subprocess.run(
        [*words, str(COMMAND), "verify", str(place)], env=env, cwd="/", capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("evidence")
    workspace = make_workspace(place / "workspace", [step("one", ["echo", "said by one"])])
    desk = Desk(state=place / "state", workspace=workspace)
    assert desk.holdfast(*LIVE).code == 0
    assert desk.holdfast("record", "last", "--bundle", "--out", str(place / "bundle")).code == 0
    return place / "bundle"


def test_a_bundle_holds_on_another_machine_without_a_network(bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    offline = ("unshare", "--net")
    possible = subprocess.run([*offline, "true"], capture_output=True, check=False).returncode == 0
    done = _check(copy, offline if possible else ())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("holds: ")


@pytest.mark.parametrize(
    ("tamper", "named"),
    [(_edit, "record 4"), (_delete, "record 5"), (_reorder, "record 5"), (_cut, "journal.jsonl"), (_output, ".out")],
)
def test_a_tampered_bundle_is_refused_and_the_first_bad_thing_named(
    bundle: Path, tmp_path: Path, tamper: Callable[[Path], None], named: str
) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    tamper(copy)
    done = _check(copy)
    assert done.returncode == 9, done.stdout + done.stderr
    assert named in done.stderr, done.stderr


# -- 10: a rollback that fails --------------------------------------------------------------------------------------


def test_a_rollback_that_fails_is_told_loudly_with_what_to_do_by_hand(tmp_path: Path) -> None:
    first = step("first", ["true"], undo={"fabric": {"host": "here", "argv": ["false"]}, "timeout": "30s"})
    del first["irreversible"]
    workspace = make_workspace(tmp_path / "workspace", [first, step("second", ["false"])], on_failure="rollback")
    desk = Desk(state=tmp_path / "state", workspace=workspace)
    answer = desk.holdfast("run", "small", "--mode", "live")
    assert answer.code == 10, answer.out + answer.err
    assert "THE ROLLBACK FAILED" in answer.out
    (ended,) = [seen.body for seen in desk.journal() if seen.kind == "rollback.ended"]
    assert ended["ok"] is False and any("first" in line for line in ended["manual"])
    assert desk.journal()[-1].body.get("status") != "succeeded"
    assert "first" in json.dumps(desk.record()["rollback"])
