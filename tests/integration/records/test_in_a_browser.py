"""The page in a real browser: nothing is loaded, nothing overflows, paper has page numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from example_runs import failed_and_rolled_back, hostile, success, thousand_steps

from orchestrator.records import build, write_papers

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium is installed on this machine"
        if "chromium" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def browse(chromium: str, home: Path, *words: str) -> str:
    argv = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={home}", *words,
    ]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("make", [failed_and_rolled_back, hostile])
def test_a_browser_obeys_the_pages_own_policy(chromium: str, tmp_path: Path, make: object) -> None:
    page = write_papers(build(make()), tmp_path / "papers")[1]  # type: ignore[operator]
    shown = browse(chromium, tmp_path / "home", "--dump-dom", page.as_uri())
    assert "<script" not in shown
    assert 'id="hatch"' in shown


@pytest.mark.parametrize(("name", "language"), [("success", 1), ("thousand", 2)])
def test_it_prints(chromium: str, tmp_path: Path, name: str, language: int) -> None:
    events = success() if name == "success" else thousand_steps(200)
    page = write_papers(build(events), tmp_path / "papers")[language]
    paper = tmp_path / "record.pdf"
    browse(chromium, tmp_path / "home", "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    raw = paper.read_bytes()
    assert raw.startswith(b"%PDF-")
    if shutil.which("pdftotext"):
        text = subprocess.run(
            ["pdftotext", "-layout", str(paper), "-"], capture_output=True, text=True, check=True
        ).stdout
        pages = text.count("\f")
        assert f"1 / {pages}" in text and f"{pages} / {pages}" in text
        assert "20261114T190000-a1b2c3" in text.split("\f")[1], "each page names its run"
