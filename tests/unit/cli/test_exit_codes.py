"""Every way to end has its code, and every code is explained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator import errors
from orchestrator.cli.exit_codes import MEANING, ExitCode, table


def _all_errors(root: type[errors.HoldfastError]) -> Iterator[type[errors.HoldfastError]]:
    yield root
    for child in root.__subclasses__():
        yield from _all_errors(child)


def test_every_code_has_a_meaning() -> None:
    assert set(MEANING) == set(ExitCode)
    assert all(str(code.value) in table() for code in ExitCode)


@pytest.mark.parametrize("kind", list(_all_errors(errors.HoldfastError)))
def test_every_error_of_the_tree_ends_with_a_documented_code(kind: type[errors.HoldfastError]) -> None:
    assert kind.exit_code in list(ExitCode)
