"""Evidently's report of a check, in an environment of its own: what it costs, and that it is whole.

The page has to open where there is no network, and what a table calls its columns must not run
in it: Evidently writes names and values into a script as they are.
"""

import json
import re
import shutil
import subprocess
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest
from peers.environment import SCRIPTS, ask

SIZE = {"rows": 20_000, "window_rows": 20_000, "numbers": 35, "categories": 15, "sample": 5_000}
SMALL = {"rows": 300, "window_rows": 200, "numbers": 3, "categories": 2, "sample": 5_000}
LARGEST_MB = 12.0
OWN = re.compile(r"^\S+ (?:https?://)?[a-z0-9-]+\.google\.com[:/]")
"""What chromium asks for by itself, whatever the page."""


@pytest.fixture
def written(tmp_path):
    """Let Evidently write a page; return what it says of itself, and the page's path."""

    def write(**question):
        path = tmp_path / "evidently.html"
        asked = {"case": "plain", **SIZE, **question, "html": str(path)}
        return ask("evidently", SCRIPTS / "report_evidently.py", asked), path

    return write


def test_a_report_of_a_bounded_sample_is_self_contained(written, tell):
    told, path = written()
    page = path.read_text(encoding="utf-8")
    size = path.stat().st_size / 1e6
    tell(
        f"evidently, 50 columns, {told['rows'][0]:,} rows a side: import "
        f"{told['import_seconds']:.1f} s, report {told['seconds']:.1f} s, "
        f"HTML {size:.1f} MB, JSON {len(told['json']) / 1e3:.0f} kB, peak {told['peak_mb']:.0f} MB"
    )
    assert told["rows"] == [5_000, 5_000]
    assert size < LARGEST_MB
    # 50 features, what the model says and the target, and the count of them all.
    assert len(json.loads(told["json"])["metrics"]) == 53
    assert not re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=[\"']?(?:https?:)?//", page)
    assert not re.findall(r"<link[^>]*\shref=[\"']?(?:https?:)?//", page)
    assert not re.findall(r"(?:@import\s*|url\()[\"']?(?:https?:)?//", page)


@pytest.mark.parametrize("case", ["plain", "names"])
def test_a_report_opens_and_asks_for_nothing(written, case):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    _, path = written(case=case, **SMALL)
    shown, asked = opened(chromium, path)
    assert "Drift is detected for" in shown
    assert "<title>run</title>" not in shown
    assert asked == []


def test_a_page_that_asks_for_something_would_be_seen(tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    path = tmp_path / "asks.html"
    path.write_text('<script src="http://cdn.invalid/a.js"></script>')
    assert any("cdn.invalid" in line for line in opened(chromium, path)[1])


def opened(chromium, path):
    """The page's elements after its scripts ran, and what it asked of the only way out."""
    asked = []

    class Proxy(StreamRequestHandler):
        def handle(self):
            line = self.rfile.readline().decode()
            if line and not OWN.search(line):
                asked.append(line)

    with ThreadingTCPServer(("127.0.0.1", 0), Proxy) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        shown = dumped(chromium, path, f"127.0.0.1:{proxy.server_address[1]}")
        proxy.shutdown()
    return shown, asked


def dumped(chromium, path, proxy):
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")
    own = ("--disable-background-networking", "--disable-component-update")
    profile = f"--user-data-dir={path.parent / 'chromium'}"
    wanted = ("--virtual-time-budget=20000", "--dump-dom", path.as_uri())
    done = subprocess.run(
        [chromium, *quiet, *own, f"--proxy-server={proxy}", profile, *wanted],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("constant", {}),
        ("holes", {}),
        ("unseen", {}),
        ("plain", {"window_rows": 1}),
        ("plain", {"window_rows": 2, "categories": 0}),
        ("plain", {"window_rows": 5, "numbers": 0}),
    ],
)
def test_any_window_has_a_report(written, case, changes):
    told, path = written(case=case, **{**SMALL, **changes})
    assert json.loads(told["json"])["metrics"]
    assert path.stat().st_size > 0
