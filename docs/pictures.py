"""The pictures of README and docs, made by the program itself: the app's own screens, and the head of a report.

    python docs/pictures.py                 # plays the demo (two minutes), then takes the pictures
    python docs/pictures.py --case CASE     # from a case of `failsight demo --auto` that is there already; it is copied

The screens are SVG and need no browser. The report and the page of images are PNG, and need Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).parent / "pictures"
SIZE = (124, 36)

sys.path.insert(0, str(ROOT))
os.environ.pop("NO_COLOR", None)
os.environ.setdefault("COLORTERM", "truecolor")

from textual.pilot import Pilot  # noqa: E402

from failsight.agent.cli import build_parser, main  # noqa: E402
from failsight.agent.commands.basic import _open  # noqa: E402
from failsight.agent.ui.tui.app import FailsightApp  # noqa: E402
from failsight.agent.ui.tui.widgets.prompt import Prompt  # noqa: E402

Act = Callable[["Stage"], Awaitable[None]]


class Stage:
    """The running app, driven as a person would."""

    def __init__(self, app: FailsightApp, pilot: Pilot[int], shortcut: str) -> None:
        self.app, self.pilot, self.shortcut = app, pilot, shortcut

    async def rest(self, seconds: float = 120) -> None:
        """Wait until nothing runs and the screen is drawn."""
        quiet = 0
        for _ in range(int(seconds / 0.05)):
            await self.pilot.pause(0.05)
            quiet = 0 if self.app.busy else quiet + 1
            if quiet > 20:
                return
        raise SystemExit("the app did not come to rest")

    async def type(self, text: str) -> None:
        prompt = self.app.main.query_one(Prompt)
        prompt.focus()
        prompt.cursor_blink = False
        prompt.value = text
        prompt.cursor_position = len(text)
        await self.pilot.press("enter")
        await self.rest()

    def shoot(self, name: str) -> None:
        """The screen as SVG that loads no fonts from elsewhere."""
        made = self.app.export_screenshot(title="Failsight", simplify=True)
        made = re.sub(r"@font-face\s*\{.*?\}", "", made, flags=re.S)
        made = made.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
        made = re.sub(r"[ \t]+\n", "\n", re.sub(r"\n\s*\n", "\n", made))
        (PICTURES / f"{name}.svg").write_text(made, encoding="utf-8")


async def conversation(stage: Stage) -> None:
    await stage.type("which images are taken for living room?")
    stage.shoot("conversation")


async def chain(stage: Stage) -> None:
    await stage.type(f"/why {stage.shortcut}")
    await stage.pilot.pause(1)
    stage.shoot("why")
    await stage.pilot.press("escape")


async def matrix(stage: Stage) -> None:
    await stage.type("/confusion")
    await stage.pilot.resize_terminal(84, 14)
    await stage.pilot.pause(2)
    stage.shoot("confusion")
    await stage.pilot.press("escape")
    await stage.pilot.resize_terminal(*SIZE)


async def gallery(stage: Stage) -> None:
    await stage.type("/images living_room > bedroom")
    await stage.pilot.pause(4)
    stage.shoot("images")
    await stage.pilot.press("escape")


SCENES: tuple[Act, ...] = (conversation, chain, matrix, gallery)


async def play(case: Path) -> None:
    args = build_parser().parse_args(["chat", str(case)])
    app = FailsightApp(lambda progress: _open(args, progress))
    app.animation_level = "none"
    async with app.run_test(size=SIZE) as pilot:
        stage = Stage(app, pilot, _shortcut(case))
        await stage.rest()
        for scene in SCENES:
            await scene(stage)
            await stage.rest()
    app.close_session()


def _shortcut(case: Path) -> str:
    """The finding on the planted shortcut; its number depends on which check was quicker."""
    findings = json.loads((case / "findings.json").read_text(encoding="utf-8"))["findings"]
    wanted = ("spurious_correlation", {"television": "yes"}, "confirmed")
    return next(f["id"] for f in findings if (f["kind"], f["slice"], f["verdict"]) == wanted)


def in_browser(page: Path, name: str, width: int, height: int, scale: float, folder: Path) -> bool:
    """The upper part of a page as a small PNG; False where there is no Chromium."""
    from PIL import Image

    from tests.fakes.browser import CHROMIUM, browser

    if CHROMIUM is None:
        print(f"no Chromium: {name}.png is left as it is", file=sys.stderr)
        return False
    with browser(folder) as shown:
        shown.width(width)
        shown.open(page)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
        made = shown.send("Page.captureScreenshot", format="png", clip=clip)
    with Image.open(io.BytesIO(base64.b64decode(made["data"]))) as picture:
        picture.convert("RGB").quantize(96).save(PICTURES / f"{name}.png", optimize=True)
    return True


def take() -> None:
    parser = argparse.ArgumentParser(description="Makes the pictures of README and docs.")
    parser.add_argument(
        "--case", type=Path, help="a case of `failsight demo --auto`; without one the demo is played"
    )
    given = parser.parse_args().case
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        case = folder / "demo"
        if given is None:
            main(["demo", "--auto", "--out", str(case)])
        else:
            shutil.copytree(given, case)
        in_browser(case / "report.html", "report", 1000, 820, 0.9, folder)
        asyncio.run(play(case))
        images = PICTURES / "images.svg"  # thousands of half-blocks: smaller as PNG
        if in_browser(images, "images", 1531, 929, 0.65, folder):
            images.unlink()
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    take()
