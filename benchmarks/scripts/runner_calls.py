"""Many calls of ansible-runner from one Python, as its documentation shows: ``python runner_calls.py JSON``."""

from __future__ import annotations

import json
import sys

import ansible_runner


def main(file: str) -> None:
    """Run the playbooks one after the other; stop at the first that fails."""
    with open(file, encoding="utf-8") as text:  # noqa: PTH123 - as such scripts are written
        plan = json.load(text)
    for number, playbook in enumerate(plan["playbooks"]):
        done = ansible_runner.run(
            private_data_dir=plan["private"],
            ident=str(number),
            project_dir=plan["project"],
            playbook=playbook,
            inventory=plan["inventory"],
            quiet=True,
        )
        if done.rc != 0:
            sys.exit(f"{playbook} ended with {done.rc}")


if __name__ == "__main__":
    main(sys.argv[1])
