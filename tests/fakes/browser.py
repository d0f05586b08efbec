"""A headless Chromium, driven over its DevTools pipe: what a page asks for, how it looks in print, what axe-core says."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--disable-extensions", "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """One page of one browser. ``asked`` lists the addresses that it asked for since it was opened."""

    def __init__(self, reads: int, writes: int) -> None:
        self._in = os.fdopen(reads, "rb", buffering=0)
        self._out = os.fdopen(writes, "wb", buffering=0)
        self._rest, self._last = b"", 0
        self._session = ""
        self._seen: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.said: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its result."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            got = self._next()
            if got.get("id") == self._last:
                assert "error" not in got, got["error"]
                result: dict[str, Any] = got["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = self._in.read(1 << 20)
            assert chunk, "the browser is gone"
            self._rest += chunk
        raw, _, self._rest = self._rest.partition(b"\0")
        made: dict[str, Any] = json.loads(raw)
        self._note(made)
        return made

    def _note(self, event: dict[str, Any]) -> None:
        self._seen.append(event) if event.get("method") == "Page.loadEventFired" else None
        if event.get("method") == "Network.requestWillBeSent":
            self.asked.append(event["params"]["request"]["url"])
        if event.get("method") == "Log.entryAdded":
            self.said.append(event["params"]["entry"]["text"])

    def open(self, page: Path, *, scripts: bool = True) -> None:
        """Load a file and wait until it is whole; without ``scripts`` as a browser shows it that runs none."""
        self._seen.clear()
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.send("Page.navigate", url=page.as_uri())
        while not self._seen:
            self._next()

    def run(self, script: str) -> Any:
        """The value of a script (a promise is waited for)."""
        made = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in made, made["exceptionDetails"]
        return made["result"].get("value")

    def width(self, pixels: int, *, height: int = 900, media: str = "") -> None:
        """Show the page as wide as this, on a screen or in print."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=pixels,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send("Emulation.setEmulatedMedia", media=media)

    def pdf(self) -> bytes:
        """The page as a PDF on A4."""
        made = self.send(
            "Page.printToPDF",
            paperWidth=8.27,
            paperHeight=11.69,
            preferCSSPageSize=True,
            transferMode="ReturnAsBase64",
        )
        return base64.b64decode(made["data"])


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser whose profile lies in ``folder``; it ends with the block."""
    assert CHROMIUM
    to_browser, ours_out = os.pipe()
    ours_in, from_browser = os.pipe()

    def place() -> None:  # the pipe is on descriptors 3 and 4 of the child
        os.dup2(to_browser, 13)
        os.dup2(from_browser, 14)
        os.dup2(13, 3)
        os.dup2(14, 4)

    process = subprocess.Popen(
        [CHROMIUM, *QUIET, f"--user-data-dir={folder / 'profile'}"],
        preexec_fn=place, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Browser(ours_in, ours_out)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
