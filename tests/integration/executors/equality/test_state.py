"""Steps that go through one warm Ansible know nothing of each other, and see the workspace as it is now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from equality_case import Case, Ground
from equality_play import play
from equality_seen import alike, begun_cold
from equality_warm import Warm
from executors_kit import until

from orchestrator.executors.warm.launcher import WarmAnsible

Lay = Callable[[Case], None]

HEAD = "- name: play\n  hosts: all\n  gather_facts: false\n"
MEDDLES = """
import builtins, os, signal, socket
import ansible.constants as C
from ansible.plugins.callback import CallbackBase
from ansible.plugins.callback.default import CallbackModule as Default
from ansible.plugins.loader import filter_loader
from ansible.utils.display import Display
CALLS = []
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "meddles"
    def v2_playbook_on_start(self, playbook):
        CALLS.append(1)
        builtins.left_behind = getattr(builtins, "left_behind", 0) + 1
        found = [len(CALLS), builtins.left_behind, C.DEFAULT_FORKS, oct(os.umask(0o077))]
        self._display.display(f"meddles {found}")
        os.environ["LEFT_BEHIND"] = "yes"
        C.DEFAULT_FORKS = 99
        Default.left_behind = Display.left_behind = True
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        socket.setdefaulttimeout(1)
"""
FIRST = Case(
    name="first",
    says="leaves behind all it can",
    ending="ok",
    rc=0,
    vars={"given": "first"},
    files={"playbooks/callback_plugins/meddles.py": MEDDLES, "playbooks/vars.yml": "{of_a_file: 1}"},
    playbook=HEAD
    + """
  tasks:
    - ansible.builtin.set_fact: {leaked: 1, cacheable: true}
    - ansible.builtin.include_vars: vars.yml
    - ansible.builtin.add_host: {name: added, ansible_connection: local}
    - ansible.builtin.command: echo $LEFT_BEHIND
      register: said
    - ansible.builtin.set_stats: {data: {first: "{{ 'yes' }}"}}
    - ansible.builtin.debug: {msg: "{{ hostvars | length }} {{ leaked }} {{ given }}"}
""",
)
SECOND = Case(
    name="second",
    says="finds nothing of it",
    ending="ok",
    rc=0,
    playbook=HEAD
    + """
  tasks:
    - ansible.builtin.assert:
        that:
          - leaked is not defined
          - of_a_file is not defined
          - said is not defined
          - given is not defined
          - ansible_facts.leaked is not defined
          - hostvars | length == 1
          - lookup('ansible.builtin.env', 'LEFT_BEHIND') == ''
          - lookup('ansible.builtin.config', 'DEFAULT_FORKS') == 5
          - lookup('ansible.builtin.pipe', 'umask') == '0022'
""",
)


def test_nothing_of_a_step_is_left_for_the_next(ground: Ground, lay: Lay, warm: Warm) -> None:
    first = play(FIRST, warm.launch, ground, lay)
    assert first["outcome"]["ending"] == "ok", first["printed"]
    assert "meddles [1, 1, 5, '0o22']" in "".join(first["printed"]), first["printed"]
    second = play(SECOND, warm.launch, ground, lay)
    assert second["outcome"]["ending"] == "ok", second["printed"]
    assert second["outcome"]["output"].keys() == {"hosts"}
    assert not any("meddles" in line for line in second["printed"])
    again = play(FIRST, warm.launch, ground, lay)
    assert begun_cold(ground) == [], warm.said
    alike(first, again)


def _version(word: str) -> Case:
    ours = "playbooks/collections/ansible_collections/our/own"
    return Case(
        name="version",
        says="every place says which version it is",
        ending="ok",
        rc=0,
        files={
            "playbooks/roles/r/tasks/main.yml": f'- ansible.builtin.debug: {{msg: "role {word}"}}',
            "playbooks/vars.yml": f"from_a_file: {word}",
            "playbooks/tasks.yml": f'- ansible.builtin.debug: {{msg: "tasks {word}"}}',
            "playbooks/templates/t.j2": f"template {word}",
            "playbooks/group_vars/all.yml": f"from_a_group: {word}",
            "inventories/here/host_vars/one.yml": f"from_a_host: {word}",
            "playbooks/filter_plugins/f.py": (
                "class FilterModule:\n    def filters(self):\n"
                f"        return {{'version': lambda text: text + ' {word}'}}\n"
            ),
            "playbooks/library/said.py": (
                "#!/usr/bin/python\nfrom ansible.module_utils.basic import AnsibleModule\n"
                f"AnsibleModule(argument_spec={{}}).exit_json(msg='module {word}')\n"
            ),
            f"{ours}/plugins/filter/f.py": (
                "class FilterModule:\n    def filters(self):\n"
                f"        return {{'version': lambda text: text + ' {word}'}}\n"
            ),
            f"{ours}/plugins/lookup/l.py": (
                "from ansible.plugins.lookup import LookupBase\nclass LookupModule(LookupBase):\n"
                f"    def run(self, terms, variables=None, **kwargs):\n        return ['lookup {word}']\n"
            ),
            f"{ours}/roles/r/tasks/main.yml": f'- ansible.builtin.debug: {{msg: "collected role {word}"}}',
        },
        playbook=HEAD
        + f"""
  vars_files: [vars.yml]
  roles: [r, our.own.r]
  tasks:
    - ansible.builtin.debug: {{msg: "playbook {word}"}}
    - ansible.builtin.debug: {{msg: "file {{{{ from_a_file }}}}, group {{{{ from_a_group }}}}"}}
    - ansible.builtin.debug: {{msg: "host {{{{ from_a_host }}}}"}}
    - ansible.builtin.include_tasks: tasks.yml
    - ansible.builtin.debug: {{msg: "{{{{ lookup('template', 't.j2') }}}}, {{{{ 'filter' | version }}}}"}}
    - said:
      register: said
    - ansible.builtin.debug: {{msg: "{{{{ said.msg }}}}"}}
    - ansible.builtin.debug: {{msg: "{{{{ 'collected filter' | our.own.version }}}}, {{{{ lookup('our.own.l') }}}}"}}
""",
    )


PLACES = (
    *("role", "playbook", "file", "group", "host", "tasks", "template", "filter", "module"),
    *("collected role", "collected filter", "lookup"),
)


def test_what_was_changed_between_two_steps_is_seen_as_it_is_now(ground: Ground, lay: Lay, warm: Warm) -> None:
    lay(_version("one"))
    for number, word in enumerate(("one", "second", "third and last")):
        ground.write(_version(word))
        outcome, directory = ground.play(_version(word), warm.launch, ident=f"step-{number}")
        text = (directory / "out").read_text(encoding="utf-8")
        assert outcome.ok, text
        assert [place for place in PLACES if f"{place} {word}" not in text] == [], text
    assert begun_cold(ground) == [], warm.said


FILTER = "class FilterModule:\n    def filters(self):\n        return {{'set_in': lambda _: '{word}'}}\n"


def test_settings_changed_between_two_steps_hold_from_the_next_on(ground: Ground, lay: Lay) -> None:
    one = replace(
        SECOND,
        playbook=HEAD
        + """
  tasks:
    - ansible.builtin.debug:
        msg: "forks {{ lookup('ansible.builtin.config', 'DEFAULT_FORKS') }} {{ ansible_forks }}, {{ 'x' | set_in }}"
    - ansible.builtin.debug: {msg: skipped}
      when: false
""",
        files={f"{word}/f.py": FILTER.format(word=word) for word in ("here", "there")},
    )
    settings = {
        "forks 3 3, here": "[defaults]\nforks = 3\nfilter_plugins = here\ndisplay_skipped_hosts = false\n",
        "forks 4 4, there": "[defaults]\nforks = 4\nfilter_plugins = there\n",
        "forks 5 5, here": "[defaults]\nfilter_plugins = here\n",
    }
    lay(one)
    ground.write(replace(one, config=next(iter(settings.values()))))
    said: list[str] = []
    with WarmAnsible(ground.site, ground.site / "playbooks", sockets=ground.sockets, say=said.append) as ansible:
        for number, (words, config) in enumerate(settings.items()):
            ground.write(replace(one, config=config))
            _, directory = ground.play(one, ansible.launch, ident=f"step-{number}")
            text = (directory / "out").read_text(encoding="utf-8")
            assert words in text, text
            assert ("skipping: [one]" in text) == (number > 0), text
    assert begun_cold(ground) == ["step-1", "step-2"]
    (why,) = said
    assert "ansible.cfg has changed" in why


SAYS = replace(
    SECOND,
    playbook=HEAD
    + """
  tasks:
    - ansible.builtin.set_fact: {mine: "{{ mine | default('') }}{{ word }}"}
    - ansible.builtin.set_stats: {data: {said: "{{ mine }}"}}
""",
)


def test_thirty_steps_in_a_row_leave_the_warm_one_as_it_was(ground: Ground, lay: Lay, warm: Warm) -> None:
    lay(SAYS)
    early = 0
    for number in range(30):
        outcome, _ = ground.play(replace(SAYS, vars={"word": f"w{number}"}), warm.launch, ident=f"step-{number}")
        assert outcome.ok and outcome.output["said"] == f"w{number}", outcome
        if number == 4:
            early = warm.descriptors()
    assert begun_cold(ground) == [], warm.said
    until(lambda: warm.descriptors() <= early, what="as few open files as after the first steps")
    # The one that waits for the next step, and perhaps the last one, which has not been reaped yet.
    until(lambda: len(warm.children()) <= 2, what="the end of the steps' processes")


def test_four_at_the_same_time_are_as_good_as_one(ground: Ground, lay: Lay, warm: Warm) -> None:
    together = replace(
        SAYS,
        playbook=SAYS.playbook
        + """
    - ansible.builtin.shell: |
        touch began-{{ word }}
        until test "$(ls | grep -c began)" = 4; do sleep 0.05; done
      args: {chdir: "{{ playbook_dir }}/../effects"}
""",
    )
    lay(together)
    gate = threading.Barrier(4)

    def one(number: int) -> tuple[bool, object, str]:
        gate.wait()
        case = replace(together, vars={"word": f"w{number}"})
        outcome, directory = ground.play(case, warm.launch, ident=f"step-{number}")
        return outcome.ok, outcome.output.get("said"), (directory / "out").read_text(encoding="utf-8")

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(one, range(4)))
    assert [(ok, said) for ok, said, _ in ended] == [(True, f"w{number}") for number in range(4)], ended
    assert len({text for _, _, text in ended}) == 1
    assert begun_cold(ground) == [], warm.said


def test_a_step_that_is_killed_does_not_hurt_the_next(ground: Ground, lay: Lay, warm: Warm) -> None:
    killer = "import os\nfrom ansible.plugins.callback import CallbackBase\nclass CallbackModule(CallbackBase):\n"
    killer += "    CALLBACK_VERSION = 2.0\n    CALLBACK_NAME = 'killer'\n"
    killer += "    def v2_playbook_on_play_start(self, play):\n        os.kill(os.getpid(), 9)\n"
    good = play(SECOND, warm.launch, ground, lay)
    bad = play(replace(SECOND, files={"playbooks/callback_plugins/killer.py": killer}), warm.launch, ground, lay)
    assert bad["outcome"]["ending"] == "unknown", bad["outcome"]
    alike(good, play(SECOND, warm.launch, ground, lay))
    assert begun_cold(ground) == [], warm.said
