from __future__ import annotations

from pathlib import Path

import pytest
from desk_kit import Desk, furnished


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return furnished(tmp_path)
