"""The lint: a clean runbook has nothing to say about; each change to it that would fail at night is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.errors import Problem

CLEAN = """\
runbook: takeover
fault_class: shared-component
title: {en: Takeover, zh: 备机接管}
objectives: {rto: 5m, rpo: 30s}
inputs:
  cluster: {type: string, pattern: '[a-z][a-z0-9-]*'}
  db-user: {type: string, default: orders}
  password: {type: secret}
  limit: {type: integer, default: 30, min: 1}
locks: ['cluster/{{ cluster }}']
steady_state:
  - probe: {sql: 'select 1', target: standby}
steps:
  - id: lag
    fabric: {host: standby, argv: [pgstate, lag, '{{ cluster }}'], env: {PGPASSWORD: '{{ password }}'}}
    changes: false
    timeout: 30s
    expect: {output.lag_s: {max: '{{ limit }}'}}
  - id: fence
    ansible: {playbook: fence/power-off.yml, limit: old_primary}
    budget: 60s
    timeout: 3m
    verify: {probe: {tcp: 'old_primary:5432'}, expect: {open: false}}
    irreversible: the old primary is rebuilt later
  - id: promote
    needs: [lag, fence]
    ansible: {playbook: takeover/promote.yml, limit: standby, vars: {lag: '{{ steps.lag.output.lag_s }}'}}
    budget: 20s
    timeout: 2m
    on_doubt: probe
    verify:
      - probe: {sql: 'select not pg_is_in_recovery()', target: standby}
    undo: {ansible: {playbook: takeover/rebuild-as-standby.yml, limit: standby}}
    marks: service_restored
"""
CLEAN = CLEAN.replace("{max: '{{ limit }}'}", "{max: 30}")

ESTATE = """\
estate: east
contacts:
  wang: {name: Wang, reach: ['tel:1'], deputy: li}
  li: {name: Li, reach: ['tel:2']}
systems:
  orders:
    title: {en: Orders, zh: 订单}
    rto: 4m
    rpo: 30s
    owners: [wang]
    host_groups: [standby]
    service_level: contract-a
"""
DRILL = """\
drill: h1
title: {en: Drill, zh: 演练}
type: full
runbook: takeover.yaml
inputs: {cluster: orders, password: 'env:PGPASSWORD'}
objectives: {rto: 3m}
scenario: {en: A board fails, zh: 背板故障}
participants: [wang]
"""

Linted = Callable[..., list[Problem]]


def changed(text: str, old: str, new: str) -> str:
    """``text`` with its one ``old`` replaced."""
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    return text.replace(old, new)


def marked(text: str) -> tuple[str, int, int]:
    """The text without its mark ``§``, and the line and column the mark was at."""
    before = text[: text.index("§")]
    return text.replace("§", ""), before.count("\n") + 1, len(before) - before.rfind("\n")


def test_the_clean_runbook_is_clean(lint_text: Linted) -> None:
    assert lint_text(CLEAN) == []


def test_it_is_clean_with_estate_and_drill_too(lint_text: Linted) -> None:
    runbook = changed(CLEAN, "objectives: {rto: 5m", "system: orders\nobjectives: {rto: 4m")
    assert lint_text(runbook, estate=ESTATE, drill=DRILL) == []


NEEDS = "needs: [lag, fence]"
LAG_ARGV = "argv: [pgstate, lag, '{{ cluster }}']"
LAG_ENV = "env: {PGPASSWORD: '{{ password }}'}"
READS_LAG = "vars: {lag: '{{ steps.lag.output.lag_s }}'}"
END = "    marks: service_restored\n"
FENCE_VERIFY = "    verify: {probe: {tcp: 'old_primary:5432'}, expect: {open: false}}\n"
PROMOTE_VERIFY = "    verify:\n      - probe: {sql: 'select not pg_is_in_recovery()', target: standby}\n"
ROLE = "    role: count\n"
COUNT = f"  - id: loss\n    marker: {{measure: {{target: standby}}}}\n    timeout: 1s\n{ROLE}"
UNDO = "    undo: {ansible: {playbook: takeover/rebuild-as-standby.yml, limit: standby}}\n"


@pytest.mark.parametrize(
    ("old", "new", "message", "mend"),
    [
        # who waits for whom
        (NEEDS, "needs: [lag, fence, §lags]", "needs 'lags', which is no step here", "did you mean 'lag'?"),
        (NEEDS, "needs: [lag, fence, §promote]", "step 'promote' needs itself", "take it out"),
        ("id: lag\n", "id: lag\n    needs: §[promote]\n", "in a circle: lag -> promote -> lag", "take one need out"),
        (
            END,
            END + "  - id: §lag\n    scripted: {}\n    timeout: 1s\n",
            "here twice; the first is on line 14",
            "rename",
        ),
        (
            *(END, END + "  - id: §steady-after-1\n    scripted: {}\n    timeout: 1s\n"),
            *("given to probes of the steady state", "rename the step"),
        ),
        # counts
        (
            *(END, END + COUNT.replace("measure: {target: standby}", "stop: true").replace("count", "§count")),
            *("has the role count, but does not measure", "or take role out"),
        ),
        (
            *(END, END + COUNT + "    §expect: {output.lost_transactions: 0}\n"),
            *("'expect' has no effect on a count", "take it out"),
        ),
        (
            *(END, END + COUNT + "  - {id: after, scripted: {}, timeout: 1s, changes: false, needs: [§loss]}\n"),
            *("'after' needs 'loss', which is a count", "take it out of needs"),
        ),
        (
            *(
                END,
                END
                + COUNT.replace("{target: standby}", "{target: standby, §before_promotion: standby}").replace(ROLE, ""),
            ),
            *("before_promotion has no effect", "add role: count"),
        ),
        # templates
        ("'cluster/{{ cluster }}'", "§'cluster/{{ clustr }}'", "'clustr' is no input", "did you mean 'cluster'?"),
        ("'cluster/{{ cluster }}'", "§'x/{{ run.id }}'", "run.id is not known yet", "use inputs only"),
        (LAG_ARGV, "argv: [pgstate, §'x{{ db }}']", "'db' is no input", "a '-' subtracts; write inputs['db-user']"),
        (LAG_ARGV, "argv: [pgstate, §'x{{ lag }}']", "'lag' is no input", "a step's output is steps.lag.output"),
        (LAG_ARGV, "argv: [pgstate, §'x{{ run.site }}']", "run has no 'site'", "run.mode"),
        (LAG_ARGV, "argv: [pgstate, §'x{{ steps.lag.output.a }}']", "'lag' need not have ended", "add lag to needs"),
        (LAG_ARGV, "argv: [pgstate, §'x{{ 2 ** 8 }}']", "powers (**) are not taken", "write the number"),
        (LAG_ARGV, "argv: [pgstate, §'x{{ cluster.upper() }}']", "calls are not taken", "read values by name"),
        (READS_LAG, "vars: {lag: §'{{ steps.lagg.output.x }}'}", "'lagg' is no step here", "did you mean 'lag'?"),
        (READS_LAG, "vars: {lag: §'{{ steps.lag.lag_s }}'}", "a step has no 'lag_s'", "write steps.lag.output.lag_s"),
        ("old primary is rebuilt later", "old primary {{ cluster }}", "irreversible is not rendered", "plain text"),
        # promises
        ("    timeout: 30s\n", "", "step 'lag' has no timeout", "add timeout, e.g. timeout: 5m"),
        ("    timeout: 3m\n", "", "step 'fence' has no timeout", "add timeout, e.g. timeout: 3m00s"),
        ("budget: 20s", "budget: §150s", "the budget 2m30s is above the timeout 2m00s", "make the budget smaller"),
        (UNDO, "", "'promote' changes something and has neither undo nor irreversible", "add undo, or irreversible"),
        ("irreversible: the old primary is rebuilt later", "irreversible: §''", "gives no reason", "say why"),
        ("budget: 20s", "budget: 20s\n    retries: §{count: 2}", "is retried, but changes", "idempotent: true"),
        ("on_doubt: probe", "on_doubt: §rerun", "is rerun in doubt, but is not idempotent", "idempotent: true"),
        (PROMOTE_VERIFY, "", "is probed in doubt, but has no verify", "add verify"),
        (
            "changes: false",
            "changes: false\n    undo: §{manual: {instructions: {en: a, zh: b}}}",
            "changes nothing",
            "take",
        ),
        # what is named is there
        (
            "fence/power-off.yml",
            "§fence/power-of.yml",
            "no playbook 'fence/power-of.yml'",
            "did you mean 'fence/power-off.yml'?",
        ),
        (
            "takeover/rebuild-as-",
            "§takeover/rebuilt-as-",
            "there is no playbook",
            "did you mean 'takeover/rebuild-as-standby.yml'?",
        ),
        (
            "fabric: {host: standby",
            "fabric: {host: §standbye",
            "no host or group 'standbye'",
            "did you mean 'standby'?",
        ),
        ("limit: old_primary", "limit: §'old_primary:!db9'", "no host or group 'db9'", "did you mean 'db"),
        (
            "{tcp: 'old_primary:5432'}",
            "{tcp: §'old_primry:5432'}",
            "no host or group 'old_primry'",
            "did you mean 'old_primary'",
        ),
        ("'select 1', target: standby", "'select 1', target: §web", "'web' stands for 2 hosts", "name one host"),
        ("{tcp: 'old_primary:5432'}", "{tcp: §'old_primary:pg_prt'}", "has no variable 'pg_prt'", "set pg_prt for db1"),
        (
            *("{sql: 'select 1', target: standby}", "{http: {target: standby, port: §70000}}"),
            *("70000 is not a port", "1 to 65535"),
        ),
        # fence before promote
        (NEEDS, "needs: [lag]", "'promote' promotes, but does not depend on a verified fence", "add fence to needs"),
        (FENCE_VERIFY, "", "the fence 'fence' is not verified, and 'promote' promotes after it", "add verify"),
        ("id: fence\n", "id: fence\n    when: §{mode: [live]}\n", "may be left out by when", "take when out"),
        (", expect: {open: false}}\n", "}\n", "verifies the fence by an open port", "add expect: {open: false}"),
        # time
        (
            "{rto: 5m",
            "{rto: §100s",
            "the critical path takes 1m50s, the runbook's RTO is 1m40s: lag",
            "give fence a smaller",
        ),
        # secrets
        (READS_LAG, "vars: {db_password: §hunter2}", "the secret db_password is written down", "input of type secret"),
        (READS_LAG, "vars: {deep: [{token: §abc}]}", "the secret token is written down", "input of type secret"),
        (READS_LAG, "vars: {x: §'postgres://u:pw@db/x'}", "a password is written down in an address", "type secret"),
        (LAG_ARGV, "argv: [pgstate, --password, §hunter2]", "a secret is written down in a command", "type secret"),
        (LAG_ARGV, "argv: [pgstate, §'--db-token=abc']", "a secret is written down in a command", "type secret"),
        (LAG_ARGV, "argv: [env, §'PGPASSWORD=abc']", "a secret is written down in a command", "type secret"),
        (LAG_ARGV, "argv: [pgstate, §'x{{ password }}']", "the secret would be seen", "env or stdin"),
        (LAG_ENV, "env: {PGPASSWORD: §hunter2}", "the secret PGPASSWORD is written down", "input of type secret"),
        ("'cluster/{{ cluster }}'", "§'x/{{ password }}'", "a secret in a lock's name", "name the target"),
        ("{type: secret}", "{default: §hunter2}", "the secret password is written down as a default", "type: secret"),
        # inputs
        ("default: 30, min: 1", "default: §0, min: 1", "the default does not fit: input 'limit': 0 is below 1", "mend"),
        ("'[a-z][a-z0-9-]*'", "§'[a-z'", "not a regular expression", "mend the pattern"),
        ("  limit:", "  §run:", "an input named 'run' would hide a word of templates", "rename it"),
        ("id: lag\n", "id: lag\n    when: {inputs: {§clustr: a}}\n", "'clustr' is no input", "did you mean 'cluster'?"),
        # the result
        (END, "", "no step marks service_restored, so the RTO stays unproven", "add marks"),
        # options
        ("pattern: '[a-z][a-z0-9-]*'", "pattern: '[a-z0-9-]+'", "could be read as an option", "put -- before it"),
        (
            LAG_ARGV,
            "argv: [§'{{ inputs[\"db-user\"] }}', a]",
            "the program itself comes from a value",
            "program's name",
        ),
        # values stay values
        (
            LAG_ARGV,
            "argv: [sh, -c, §'x {{ inputs[\"db-user\"] }}']",
            "part of the program that sh runs",
            "word of its own",
        ),
        (LAG_ARGV, "argv: [sudo, /bin/sh, -euc, §'x {{ inputs[\"db-user\"] }}']", "that sh runs", "in env"),
        ("'select 1'", "§\"select {{ inputs['db-user'] }}\"", "a value becomes part of a query", "pattern or choices"),
        ("locks: ['cluster/{{ cluster }}']\n", "", "takes no lock", "add locks"),
        # texts
        ("{en: Takeover, zh: 备机接管}", "§Takeover", "title has no Chinese text", "{en: ..., zh: ...}"),
    ],
)
def test_a_wrong_runbook_is_told_where_and_how_to_mend(
    lint_text: Linted, old: str, new: str, message: str, mend: str
) -> None:
    text, place = changed(CLEAN, old, new), None
    if "§" in text:
        text, *place = marked(text)
    found = lint_text(text)
    shown = "\n".join(map(str, found))
    assert len(found) == 1, shown
    assert message in found[0].message, shown
    assert mend in found[0].mend, shown
    assert place is None or [found[0].line, found[0].column] == place, shown
    assert found[0].file == "runbook.yaml"


INNER = """\
runbook: inner
purpose: change
title: {en: Inner, zh: 内层}
inputs:
  host: {type: string, choices: [db1, db2]}
  note: {type: string, required: false}
steps:
  - id: look
    probe: {tcp: 'db1:5432'}
    timeout: 5s
"""
OUTER = """\
runbook: outer
purpose: change
title: {en: Outer, zh: 外层}
inputs:
  host: {type: string, default: db1}
steps:
  - id: inside
    runbook: {file: inner.yaml, inputs: {host: '{{ host }}'}}
"""


def test_a_nested_runbook_with_its_inputs_is_clean(lint_text: Linted) -> None:
    assert lint_text(OUTER, nested={"inner.yaml": INNER}) == []


@pytest.mark.parametrize(
    ("old", "new", "message", "mend"),
    [
        (
            ", inputs: {host: '{{ host }}'}}",
            ", inputs: {host: §db3}}",
            "'db3' is not one of db1, db2",
            "see the inputs",
        ),
        ("inputs: {host: '{{ host }}'}}", "inputs: {host: db1, §hots: a}}", "'hots' is no input of inner", "'host'?"),
        (
            "{file: inner.yaml, inputs: {host: '{{ host }}'}}",
            "{file: §inner.yaml}",
            "needs the input 'host'",
            "add host",
        ),
        (
            "'{{ host }}'}}",
            "§'{{ steps.inside.output.a }}'}}",
            "not known yet when this is rendered",
            "use inputs only",
        ),
        (
            "'{{ host }}'}}\n",
            "'{{ host }}'}}\n    §timeout: 5s\n",
            "'timeout' has no effect on a step that nests",
            "steps of",
        ),
        (
            *(
                "'{{ host }}'}}\n",
                "'{{ host }}'}}\n  - id: b\n    timeout: 1s\n    scripted: {error: §'{{ steps.inside.output.a }}'}\n",
            ),
            *("step 'inside' nests a runbook and has no output", "read it in the nested runbook"),
        ),
    ],
)
def test_a_wrong_nesting_is_told_where_and_how_to_mend(
    lint_text: Linted, old: str, new: str, message: str, mend: str
) -> None:
    text, *place = marked(changed(OUTER, old, new))
    found = lint_text(text, nested={"inner.yaml": INNER})
    shown = "\n".join(map(str, found))
    assert [[p.line, p.column] for p in found] == [place], shown
    assert message in found[0].message and mend in found[0].mend, shown


def test_problems_of_a_nested_runbook_are_in_its_own_file(lint_text: Linted) -> None:
    text, *place = marked(changed(INNER, "db1:5432", "db9:5432").replace("{tcp: '", "{tcp: §'"))
    found = lint_text(OUTER, nested={"inner.yaml": text})
    assert [(p.file, p.line, p.column) for p in found] == [("inner.yaml", *place)]


def test_a_fence_in_the_outer_runbook_counts_for_a_promote_inside(lint_text: Linted) -> None:
    promote = CLEAN[CLEAN.index("  - id: promote") :].replace(NEEDS, "needs: []").replace(READS_LAG, "vars: {}")
    inner = "runbook: inner\npurpose: change\ntitle: {en: I, zh: 内}\nsteps:\n" + promote
    outer = CLEAN[: CLEAN.index("  - id: promote")]
    nesting = "  - id: inside\n    needs: [lag, fence]\n    runbook: {file: inner.yaml}\n"
    assert lint_text(outer + nesting, nested={"inner.yaml": inner}) == []
    (problem,) = lint_text(outer + nesting.replace(", fence", ""), nested={"inner.yaml": inner})
    assert problem.file == "inner.yaml"
    assert "'inside/promote' promotes, but does not depend on a verified fence" in problem.message


def test_a_fence_reached_through_other_steps_counts(lint_text: Linted) -> None:
    between = "  - id: between\n    needs: [lag, fence]\n    scripted: {}\n    timeout: 1s\n  - id: promote\n"
    text = changed(CLEAN, "  - id: promote\n", between).replace(
        NEEDS + "\n    ansible", "needs: [between]\n    ansible"
    )
    assert lint_text(text) == []


def test_a_restored_copy_may_be_promoted_without_a_fence(lint_text: Linted) -> None:
    text = changed(CLEAN, "fault_class: shared-component", "purpose: restore").replace(NEEDS, "needs: [lag]")
    assert lint_text(text) == []


def test_a_change_that_nothing_verifies_is_named(lint_text: Linted) -> None:
    text = (
        "runbook: patch\npurpose: change\ntitle: {en: P, zh: 补丁}\nlocks: [web]\nsteps:\n  - id: patch\n"
        "    ansible: {playbook: change/patch.yml, limit: web}\n    timeout: 5m\n    irreversible: a patch stays\n"
    )
    (problem,) = lint_text(text)
    assert (problem.line, problem.column) == (6, 9)
    assert "nothing verifies the result of the last change, 'patch'" in problem.message
    look = "  - id: look\n    probe: {tcp: 'web1:80'}\n    timeout: 5s\n"
    assert lint_text(text + look) == []
    steady = "steady_state: [{probe: {tcp: 'web1:80'}}]\nsteps:"
    assert lint_text(text.replace("steps:", steady)) == []


def test_a_recovery_that_can_never_show_it_is_done_is_named(lint_text: Linted) -> None:
    start = CLEAN.index("steady_state:")
    text = CLEAN[:start] + CLEAN[CLEAN.index("steps:") :].replace(END, "")
    (problem,) = lint_text(text)
    assert (problem.line, problem.column) == (1, 1) and not problem.warning
    assert "no verification" in problem.message


def test_without_any_target_both_are_asked_for(lint_text: Linted) -> None:
    found = lint_text(changed(CLEAN, "objectives: {rto: 5m, rpo: 30s}\n", ""))
    assert [p.message[:6] for p in found] == ["no RPO", "no RTO"]
    assert all(p.warning for p in found)


def test_steps_in_parallel_shorten_the_critical_path(lint_text: Linted) -> None:
    text = changed(CLEAN, "{rto: 5m", "{rto: 100s").replace("id: fence\n", "id: fence\n    needs: []\n")
    assert lint_text(text) == []


def test_what_is_done_after_the_service_is_back_does_not_count(lint_text: Linted) -> None:
    after = (
        "  - id: tidy\n    ansible: {playbook: change/patch.yml, limit: web}\n    timeout: 1h\n    irreversible: no\n"
    )
    after = after.replace("irreversible: no", "irreversible: it only tidies")
    assert lint_text(CLEAN + after) == []


def test_without_an_inventory_the_first_host_is_named(lint_text: Linted) -> None:
    (problem,) = lint_text(CLEAN, hosts=None)
    assert (problem.line, problem.column) == (15, 20)
    assert "there is no inventory" in problem.message


WITH_SYSTEM = changed(CLEAN, "objectives: {rto: 5m", "system: orders\nobjectives: {rto: 4m")


@pytest.mark.parametrize(
    ("which", "old", "new", "message", "mend"),
    [
        ("runbook", "{rto: 4m", "{rto: §5m", "RTO 5m00s is looser than the estate's 4m00s", "write 4m00s or less"),
        ("runbook", "rpo: 30s", "rpo: §1h", "RPO 1h00m is looser than the estate's 30s", "write 30s or less"),
        ("drill", "{rto: 3m}", "{rto: §1h}", "RTO 1h00m is looser than the estate's 4m00s", "write 4m00s or less"),
        ("drill", "{rto: 3m}", "{rto: §1m}", "takes 1m50s, the drill's RTO is 1m00s", "budget"),
        ("drill", "[wang]", "[wang, §wange]", "'wange' is no contact of the estate east", "did you mean 'wang'?"),
        ("drill", "{cluster: orders,", "{§clustre: orders,", "'clustre' is no input", "did you mean 'cluster'?"),
        ("drill", "{cluster: orders,", "{cluster: §Orders,", "'Orders' does not match", "see the inputs"),
        ("drill", "'env:PGPASSWORD'", "§hunter2", "", ""),
        ("drill", "type: full", "type: §live", "nobody has approved", "live_exercise_approved_by"),
        ("drill", "type: full", "type: full\n§live_exercise_approved_by: [wang]", "its type is full", "type: live"),
        ("estate", "owners: [wang]", "owners: [§wong]", "'wong' is no contact", "did you mean 'wang'?"),
        ("estate", "deputy: li", "deputy: §lee", "'lee' is no contact", "lee"),
        ("estate", "host_groups: [standby]", "host_groups: [§stanby]", "no host or group 'stanby'", "known"),
    ],
)
def test_estate_and_drill_are_told_where_and_how_to_mend(
    lint_text: Linted, which: str, old: str, new: str, message: str, mend: str
) -> None:
    texts = {"runbook": WITH_SYSTEM, "estate": ESTATE, "drill": DRILL}
    text, *place = marked(changed(texts[which], old, new))
    texts[which] = text
    found = lint_text(texts["runbook"], estate=texts["estate"], drill=texts["drill"])
    shown = "\n".join(map(str, found))
    assert {(p.file, p.line, p.column) for p in found} == {(f"{which}.yaml", *place)}, shown
    assert any(message in p.message and mend in p.mend for p in found), shown
    assert "hunter2" not in shown


def test_an_approver_nobody_knows_is_a_warning(lint_text: Linted) -> None:
    ask = (
        "  - id: ask\n    approve: {question: {en: Go?, zh: 继续?}, of: [wang, §chen], deadline: 5m}\n  - id: promote\n"
    )
    text, *place = marked(changed(WITH_SYSTEM, "  - id: promote\n", ask))
    (problem,) = lint_text(text, estate=ESTATE)
    assert [problem.line, problem.column] == place and problem.warning


def test_a_secret_written_down_is_not_shown_again(lint_text: Linted) -> None:
    (problem,) = lint_text(changed(CLEAN, LAG_ARGV, "argv: [pgstate, '--password=hunter2']"))
    assert "hunter2" not in str(problem)
