"""A headless Chromium that goes to pages, waits for what they show, and takes pictures."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PATIENCE = 300.0
_COLORS = 128
_MOST_BYTES = 150_000
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # it visits nothing but this machine
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-port=0",
)


def find_browser() -> str | None:
    """The program, where there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Browser:
    """One page of a browser, spoken to by the DevTools protocol."""

    socket: Any
    _numbers: Iterator[int] = field(default_factory=count)

    def go(self, url: str, *texts: str) -> None:
        """Open a page and wait until it shows these texts."""
        self._call("Page.navigate", url=url)
        self.wait(*texts)

    def wait(self, *texts: str) -> None:
        """Wait until the page shows these texts; TimeoutError with what it shows instead."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            shown = str(self.run("document.body ? document.body.innerText : ''"))
            if all(text in shown for text in texts):
                time.sleep(1.5)  # what is drawn comes after what is written
                return
            time.sleep(0.3)
        missing = [text for text in texts if text not in shown]
        raise TimeoutError(f"The page does not show {missing}:\n{shown[-1500:]}")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        told = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        return told["result"].get("value")

    def picture(self, path: Path) -> None:
        """What the page looks like, in few colours."""
        data = self._call("Page.captureScreenshot", format="png")["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_small(base64.b64decode(data)))

    def size(self, width: int, height: int) -> None:
        """Give the page another size."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def _call(self, method: str, **given: Any) -> Any:
        number = next(self._numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            told = json.loads(self.socket.recv(timeout=_PATIENCE))
            if told.get("id") == number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return told["result"]


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """A browser with a profile of its own, which goes with it."""
    from websockets.sync.client import connect

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [program, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            page = _page(process, Path(profile) / "DevToolsActivePort")
            with connect(page, max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _page(process: subprocess.Popen[bytes], file: Path) -> str:
    """Where the first page of the browser listens."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        lines = file.read_text().split() if file.exists() else []
        if lines:
            with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json") as answer:
                pages = [p for p in json.load(answer) if p["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise RuntimeError("The browser did not come up.")


def _small(png: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        plain = image.convert("RGB")
    for colors in (_COLORS, 64, 32):
        out = io.BytesIO()
        plain.quantize(colors, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= _MOST_BYTES:
            break
    return out.getvalue()
