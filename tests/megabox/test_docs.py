"""What the documents say is true of the code: they name functions, files and variables, and those exist."""

import re
from pathlib import Path

import environ
import pytest

from tests.megabox.test_audit import HARM

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_steps_of_the_four_stories_exist() -> None:
    steps = re.findall(r"`([\w/]+\.py):(\w+)`", (ROOT / "docs" / "architecture.md").read_text())
    assert len(steps) > 30
    missing = [step for step in steps if not _defines(*step)]
    assert missing == []


def test_the_audit_is_described_as_it_is() -> None:
    page = (ROOT / "docs" / "audit.md").read_text()
    steps = re.findall(r"`([\w/]+\.py):(\w+)`", page)
    assert [step for step in steps if not _defines(*step)] == []
    harms = set(re.findall(r"\*([^*\n]+)\*", page))
    assert harms <= set(HARM)
    assert len(harms) > 30


def _defines(path: str, name: str) -> bool:
    return re.search(rf"^(def|class) {name}\b", (ROOT / path).read_text(), re.MULTILINE) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_exists(page: Path) -> None:
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_decisions_are_numbered_one_after_the_other() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_every_variable_that_is_read_is_explained() -> None:
    explained = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    read = set(re.findall(r"(?:env\.\w+|secret)\(\s*\"([A-Z_]+)\"", (ROOT / "megabox" / "settings.py").read_text()))
    assert read | {"MEGABOX_FFMPEG"} == explained


def test_the_examples_work_when_they_are_uncommented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / ".env"
    copy.write_text(re.sub(r"^# (?=[A-Z_]+=)", "", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    told: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", told)
    environ.Env.read_env(copy)
    assert told["ADS_CURRENCY"] == "USD"
    assert [name for name, value in told.items() if "#" in value] == []
