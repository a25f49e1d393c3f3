"""What the browser is given: small, licensed, pinned, and nothing inline."""

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OURS = [path for path in TEMPLATES if "elements" not in path.parts]

INLINE = re.compile(
    r"<style|\sstyle\s*=|<script(?![^>]*\bsrc=)|\son(?:click|load|error|change|submit|input|key\w+|mouse\w+|focus|blur)\s*="
    r"|javascript:",
    re.IGNORECASE,
)


def gzipped(paths: Iterable[Path]) -> int:
    """Bytes on the wire, each file packed for itself as whitenoise does."""
    return sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in paths)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_no_template_has_inline_style_or_script(path: Path) -> None:
    found = INLINE.search(path.read_text())
    assert found is None, f"{found[0]!r}: the content policy refuses it, see docs/face.md" if found else ""


@pytest.mark.parametrize(
    "html",
    [
        '<p style="color:red">',
        "<style>p{}</style>",
        "<script>go()</script>",
        '<a onclick="go()">',
        '<a href="javascript:go()">',
    ],
)
def test_inline_things_would_be_found(html: str) -> None:
    assert INLINE.search(html)


@pytest.mark.parametrize(
    "html", ['<script src="/static/js/app.js" type="module"></script>', '<button data-on="1">', "<b>one = 1</b>"]
)
def test_what_is_allowed_is_not_mistaken_for_inline(html: str) -> None:
    assert not INLINE.search(html)


@pytest.mark.parametrize("path", [p for p in OURS if p.name.startswith("_")], ids=name)
def test_every_partial_names_its_variables_first(path: Path) -> None:
    head = path.read_text()[:900]
    assert re.search(r"\{% comment %\}.+?\{% endcomment %\}", head, re.DOTALL) or re.search(r"\{#.+?#\}", head), (
        "begin the partial with a comment that says what it is and names its variables"
    )
    assert re.search(r"[Vv]ariables?|Context", head), "the comment names the variables"


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [("css/*.css", 30_000), ("vendor/archivo*/*.woff2", 80_000), ("icons.svg", 12_000)],
)
def test_the_browser_is_given_no_more_than_its_budget(pattern: str, limit: int) -> None:
    files = list(STATIC.glob(pattern))
    assert files
    size = sum(path.stat().st_size for path in files) if pattern.endswith("woff2") else gzipped(files)
    assert size <= limit


PAGES = {"a listener": {"gate", "lyrics"}, "an artist": {"order", "upload"}, "an advertiser": {"advertise"}}
"""The parts of the scripts that each one's pages need, beside what all pages have."""


@pytest.mark.parametrize("who", PAGES)
def test_the_scripts_of_a_page_stay_within_their_budget(who: str) -> None:
    everywhere = with_imports(STATIC / "js/app.js") | {STATIC / "js/theme.js", *STATIC.glob("vendor/**/*.js")}
    parts = [with_imports(STATIC / f"js/{part}.js") for part in PAGES[who]]
    assert gzipped(everywhere.union(*parts)) <= 60_000


def test_every_part_of_the_scripts_is_counted_for_somebody() -> None:
    parts = re.findall(r'import\("\./(\w+)\.js"\)', (STATIC / "js/app.js").read_text())
    assert set(parts) == set().union(*PAGES.values())


def with_imports(path: Path) -> set[Path]:
    """A module and all it imports when it starts."""
    found, waiting = {path}, [path]
    while waiting:
        for name in re.findall(r'(?:from|import) "\./([\w.]+)"', waiting.pop().read_text()):
            if (module := path.parent / name) not in found:
                found.add(module)
                waiting.append(module)
    return found


def test_vendored_files_name_their_version_and_lie_beside_their_licence() -> None:
    for folder in (STATIC / "vendor").iterdir():
        assert re.fullmatch(r"[\w.-]+@\d+\.\d+\.\d+", folder.name)
        assert [one for one in folder.iterdir() if one.name.upper().startswith(("LICENSE", "OFL"))]
    assert "lucide-static@" in (STATIC / "icons.svg").read_text()[:400]
    assert "ISC" in (STATIC / "icons.LICENSE.txt").read_text()


def test_every_icon_that_is_asked_for_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    asked = {found for path in TEMPLATES for found in re.findall(r'\{% icon "([\w-]+)"', path.read_text())}
    asked |= {
        found for path in STATIC.glob("js/*.js") for found in re.findall(r'\bicon\("([\w-]+)"\)', path.read_text())
    }
    assert asked
    assert asked <= drawn


def test_templates_use_no_class_that_the_css_does_not_know() -> None:
    css = " ".join(path.read_text() for path in STATIC.glob("css/*.css"))
    known = set(re.findall(r"\.([a-zA-Z_][\w-]*)", css))
    unknown = {}
    for path in TEMPLATES:
        html = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text(), flags=re.DOTALL)
        for word in " ".join(re.findall(r'class="([^"]*)"', html)).split():
            if word not in known and not word.endswith("-"):
                unknown[word] = name(path)
    assert unknown == {}


def test_every_module_imports_files_that_are_there() -> None:
    for path in STATIC.glob("js/*.js"):
        for module in re.findall(r'(?:from|import) "\./([\w.]+)"', path.read_text()):
            assert (STATIC / "js" / module).exists(), f"{path.name} imports {module}"


def test_css_stays_in_its_layers() -> None:
    for path in STATIC.glob("css/*.css"):
        css = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        tops = set(re.findall(r"^(?![\s}@])([^{\n]+)\{", css, flags=re.MULTILINE))
        assert not tops, f"{path.name}: {tops} stand outside of @layer"


def test_every_font_has_a_fall_back_and_swaps() -> None:
    css = (STATIC / "css/tokens.css").read_text()
    assert css.count("font-display: swap") == css.count("@font-face") == 2
