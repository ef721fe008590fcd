"""A person's way: the deployment's page in a browser, and its Run button."""

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

sys.path.append(str(Path(__file__).parents[1] / "benchmarks" / "orchestration"))
from stack import up, write_model

from flows.workplace import open_unmended

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1400,900", "--remote-debugging-port=0", "about:blank",
)  # fmt: skip
BUTTONS = """[...document.querySelectorAll('button')]
    .filter(one => one.innerText.trim() === %s && !one.disabled)"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_the_run_button_of_a_deployment_trains_a_version(tmp_path):
    config = write_model(tmp_path, "small")
    with up(tmp_path, config) as stack:
        train = stack.ask("GET", "/deployments/name/train/small")
        of = {"deployment_id": {"any_": [train["id"]]}}
        page = f"{stack.links['Prefect']}/deployments/deployment/{train['id']}"
        with browsing(page) as evaluate:
            press(evaluate)
            runs = until(lambda: stack.runs(**of), evaluate)
        assert len(runs) == 1
        ended = stack.ended(runs[0]["id"])
        assert ended["state_type"] == "COMPLETED", ended["state"]
    assert open_unmended(tmp_path / "home").models.champion("small") == 1


def press(evaluate):
    """Press Run, Quick run in the menu that opens, and Run below the form of parameters."""
    run, quick = (BUTTONS % json.dumps(label) for label in ("Run", "Quick run"))

    def opened():
        if evaluate(f"{quick}.length"):
            return True
        evaluate(f"{run}[0]?.click()")
        time.sleep(1)  # a page that is not alive yet does not hear the first click
        return False

    until(opened, evaluate)
    evaluate(f"{quick}[0].click()")
    until(lambda: evaluate(f"{run}.length") > 1, evaluate)
    evaluate(f"{run}.at(-1).click()")


def until(ready, evaluate):
    """Wait until something is true and return it; fail with what the page says."""
    for _ in range(240):
        found = ready()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(evaluate("document.body.innerText"))


@contextmanager
def browsing(page):
    """Have a browser on a page; yield a function that evaluates JavaScript there."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = Path(profile) / "DevToolsActivePort"
            while not (port.exists() and port.read_text().count("\n")):
                assert browser.poll() is None
                time.sleep(0.1)
            told = httpx.get(f"http://127.0.0.1:{port.read_text().splitlines()[0]}/json").json()
            where = next(one for one in told if one["type"] == "page")["webSocketDebuggerUrl"]
            with connect(where, max_size=None) as socket:
                yield _speaking(socket, page)
        finally:
            browser.terminate()
            browser.wait(timeout=20)


def _speaking(socket, page):
    numbers = itertools.count(1)

    def call(method, **params):
        number = next(numbers)
        socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(socket.recv())
            if answer.get("id") == number:
                return answer["result"]

    def evaluate(script):
        answer = call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    call("Page.navigate", url=page)
    return evaluate
