"""The code in README and docs runs, block after block of a page, in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.observations.registry import STATISTICS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text("\n".join(blocks(page, "python")), encoding="utf-8")
    done = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_statistic_is_defined_on_its_page() -> None:
    table = (ROOT / "docs" / "read-a-result.md").read_text(encoding="utf-8")
    assert [name for name in STATISTICS if f"`{name}`" not in table and f"`{name}(" not in table] == []


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """`.ci/run` takes the line from between the markers, so there must be exactly one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [section] = re.findall(r"<!-- tests -->\n```bash\n(.*?)\n```\n<!-- /tests -->", text, flags=re.DOTALL)
    assert "\n" not in section
    assert re.search(r" && \.venv/bin/pytest( -\S+( \w+)?)*$", section)
    assert "<!-- tests -->" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
