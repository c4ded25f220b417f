from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_kit import Told, plan, runbook

from orchestrator.model.document import Mode
from orchestrator.model.runbook import Runbook


@pytest.fixture
def stage() -> Callable[..., Told]:
    def make(
        *steps: dict[str, Any], mode: Mode = Mode.LIVE, nested: dict[str, Runbook] | None = None, **more: Any
    ) -> Told:
        return Told(plan(runbook(*steps, **more), mode, nested))

    return make
