"""The report in a headless browser: it asks nobody for anything, axe-core finds nothing, nothing is clipped in print."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from failsight.agent.narrate.audiences import ALL
from tests.fakes.browser import CHROMIUM, browser
from tests.fakes.told import tell
from tests.narrate.test_written import write

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs a headless browser")]
A4 = 688  # CSS pixels between the margins
CLIPPED = """[...document.querySelectorAll('table, figure, img, svg, code')].filter(e => e.getBoundingClientRect().right > %d + 1)
.map(e => e.outerHTML.slice(0, 120))"""
CHECK = "axe.run(document).then(r => [r.passes.length, r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id)])"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tell(tmp_path_factory.mktemp("told") / "case"), "html")[0]


def test_no_request_leaves_the_page_and_no_table_is_clipped_in_print(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as shown:
        shown.width(1280)
        shown.open(page)
        shown.run("document.getElementById('print-all').click()")
        for name in ALL:
            shown.run(f"document.getElementById('show-{name}').click()")
            shown.width(A4, media="print")
            assert shown.run(CLIPPED % A4) == []
            shown.width(1280)
            assert shown.pdf().startswith(b"%PDF")
        assert [a for a in shown.asked if not a.startswith(("data:", page.as_uri()))] == []
        missing = "[...document.querySelectorAll('img, svg[role=img]')].filter(e => !(e.alt || e.getAttribute('aria-label'))).length"
        assert shown.run(missing) == 0


def test_the_choice_of_an_audience_needs_no_script(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as shown:
        shown.open(page)
        seen = "getComputedStyle(document.getElementById('%s')).display"
        assert (shown.run(seen % "brief"), shown.run(seen % "view-care")) == ("block", "none")
        shown.run("document.getElementById('show-end_user').click()")
        assert (shown.run(seen % "brief"), shown.run(seen % "view-care")) == ("none", "block")


def test_axe_finds_no_serious_violation_for_any_audience(page: Path, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    got = subprocess.run(
        [npm, "install", "--silent", "axe-core@4"], cwd=tmp_path, capture_output=True, timeout=120
    )
    script = tmp_path / "node_modules" / "axe-core" / "axe.min.js"
    if got.returncode or not script.is_file():
        pytest.skip("axe-core can't be had here")
    with browser(tmp_path) as shown:
        shown.send("Page.setBypassCSP", enabled=True)
        shown.width(1280)
        shown.open(page)
        shown.run(script.read_text(encoding="utf-8") + "; 0")
        shown.run("document.querySelectorAll('details').forEach(d => d.open = true)")
        for name in ALL:
            shown.run(f"document.getElementById('show-{name}').click()")
            passed, wrong = shown.run(CHECK)
            assert passed > 20 and wrong == [], (name, wrong)
