"""The whole circle with real processes, and a predictor that is killed under load."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
from small import world, write_config

from flows.workplace import open_unmended
from registry.inference.commit import losses
from registry.inference.table import address, read
from registry.inference.writer import LOST_SECONDS, Pace
from registry.predictions import moment_of

PATIENCE = 240


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@contextmanager
def served(home, log):
    """A predictor in a process of its own, and where it answers."""
    told = ["serve", "small", "--port", "0", "--home", str(home), "--json"]
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *told], stdout=subprocess.PIPE, stderr=sink,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it only calls prctl
        )  # fmt: skip
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.rstrip() == b"}":
                break
        yield process, json.loads(b"".join(lines))["address"]
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def ask(url, body, kind="application/json"):
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    with urlopen(Request(url, content, {"content-type": kind}), timeout=60) as answer:  # noqa: S310
        return json.loads(answer.read())


def traffic(address_, rows, size=50):
    """Send rows in their order; return what was answered."""
    answers = []
    for start in range(0, len(rows), size):
        part = rows.iloc[start : start + size].drop(columns="y")
        answers.append(ask(f"{address_}/invocations", part.to_csv(index=False), "text/csv"))
    return pd.DataFrame(
        {
            "prediction_id": [i for a in answers for i in a["ids"]],
            "said": [p for a in answers for p in a["predictions"]],
            "version": [a["version"] for a in answers for _ in a["ids"]],
            "y": rows["y"].to_numpy(),
        }
    )


def error(answers):
    return (answers["said"] - answers["y"]).abs().mean()


def factory(*arguments):
    """Run a command as a user does; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments, "--json"],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def wait_for(check):
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_whole_circle(shop, tmp_path):
    home = shop / "home"
    config = write_config(shop, log={"rows": 600, "wait": 0})
    with served(home, tmp_path / "serve.log") as (process, where):
        sound = traffic(where, world(100, seed=3, start="2025-02-20", first=5_000))
        turned = world(600, seed=4, start="2025-03-01", slope=-3.0, first=10_000)
        answers = traffic(where, turned)
        assert error(answers) > 4 * error(sound)
        log = address(open_unmended(home).home, "predictions", "small")
        wait_for(lambda: read(log).num_rows == 700)
        labels = [
            {"prediction_id": i, "label": y}
            for i, y in pd.concat([sound, answers])[["prediction_id", "y"]].itertuples(index=False)
        ]
        told = ask(f"{where}/labels", {"labels": labels})
        assert (told["rows"], told["unknown"]) == (700, 0)
        first = factory("run", str(config), "--home", str(home))
        assert first["window"]["rows"] == 600
        assert first["check"]["performance"]["alarm"]
        assert first["remedy"]["kind"] == "retrain"
        assert first["champion_after"] == 2
        wait_for(lambda: ask_metadata(where) == "2")
        later = world(200, seed=5, start="2025-04-01", slope=-3.0, first=20_000)
        recovered = traffic(where, later)
        assert set(recovered["version"]) == {2}
        assert error(recovered) < 1.5 * error(sound)
        assert factory("run", str(config), "--home", str(home))["repeated"]
        process.terminate()
        assert process.wait(timeout=60) == 0
    kept = read(log).to_pandas()
    everything = pd.concat([sound, answers, recovered])
    assert set(kept["prediction_id"]) == set(everything["prediction_id"])
    assert len(kept) == len(everything)
    assert losses(open_unmended(home).home) == []


def ask_metadata(where):
    with urlopen(f"{where}/v2/models/small", timeout=60) as answer:  # noqa: S310 - our own
        return json.loads(answer.read())["parameters"]["version"]


def test_a_predictor_that_is_killed_under_load_loses_no_more_than_it_says(shop, tmp_path):
    home = shop / "home"
    row = world(1, seed=3).drop(columns=["y", "row", "time"]).to_dict("records")
    answered, told = [], threading.Lock()

    def load(where):
        try:
            while True:
                said = ask(f"{where}/invocations", {"dataframe_records": row * 5})
                with told:
                    answered.extend(said["ids"])
        except (URLError, OSError, HTTPException, json.JSONDecodeError):
            return

    with served(home, tmp_path / "serve.log") as (process, where):
        threads = [threading.Thread(target=load, args=(where,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(answered) > 2_000)
        time.sleep(Pace().commit / 2)
        os.kill(process.pid, signal.SIGKILL)
        killed = time.time_ns()
        for thread in threads:
            thread.join()
    place = open_unmended(home).home
    with served(home, tmp_path / "again.log") as (_, where):
        wait_for(lambda: losses(place))
        answered.extend(ask(f"{where}/invocations", {"dataframe_records": row})["ids"])
    (loss,) = losses(place)
    kept = read(address(place, "predictions", "small")).to_pandas()
    assert kept["prediction_id"].is_unique
    missing = set(answered) - set(kept["prediction_id"])
    assert len(missing) <= loss.rows
    oldest = min(map(moment_of, missing), default=killed)
    assert (killed - oldest) / 1e9 <= LOST_SECONDS
    assert np.isfinite(kept["prediction"]).all()
    print(json.dumps({"answered": len(answered), "lost": loss.rows, "recovered": loss.recovered}))
