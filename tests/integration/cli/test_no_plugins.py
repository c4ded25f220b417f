"""Documents are checked without asking every installed package for a plugin."""

from __future__ import annotations

import subprocess
import sys

CHECK = """
import sys
from orchestrator.cli.no_plugins import look_for_none
look_for_none()
from pydantic import ValidationError
from orchestrator.model.document import Text
assert Text.model_validate({"en": "Steps"}).en == "Steps"
try:
    Text.model_validate({"em": "Steps"})
except ValidationError as error:
    print(error.error_count())
"""


def _said(text: str) -> str:
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.strip()


def test_documents_are_checked_and_nothing_reads_what_is_installed() -> None:
    said = _said(CHECK + "print(sorted(name for name in sys.modules if name.startswith('importlib.metadata')))")
    assert said.splitlines() == ["2", "[]"]


def test_the_stand_in_makes_way_where_something_else_is_asked_of_it() -> None:
    asked = "from pydantic.plugin._loader import PYDANTIC_ENTRY_POINT_GROUP, get_plugins as found\n"
    said = _said(f"{CHECK}{asked}print(PYDANTIC_ENTRY_POINT_GROUP, 'importlib.metadata' in sys.modules)")
    assert said.splitlines() == ["2", "pydantic True"]


def test_who_has_the_loader_already_keeps_it() -> None:
    first = "import pydantic.plugin._loader as before\n"
    said = _said(f"{first}{CHECK}print(sys.modules['pydantic.plugin._loader'] is before)")
    assert said.splitlines() == ["2", "True"]
