"""Environments of their own for the libraries that we are compared with.

They do not fit beside us, or beside each other. A benchmark writes a script that imports the
library, and asks it::

    answer = ask("nannyml", SCRIPTS / "cbpe_peer.py", {"rows": 1000})

The script is run in the peer's environment, which is made on first use and kept under
``FACTORY_PEERS`` (``tests/benchmarks/.peers`` by default). It reads its question and writes its
answer as JSON: ``answer(compute)`` of ``peers/script.py`` does both.
"""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parent
CONSTRAINTS = SCRIPTS.parents[2] / "constraints.txt"
DATA = ("pandas", "pyarrow", "scikit-learn", "scipy")
"""What every peer has, to be given the same data; pinned as we are."""
PEERS = {
    "alibi": ("alibi-detect[tensorflow]==0.13.0", *DATA),
    "evidently": ("evidently==0.7.23", *DATA),
    # It holds FastAPI below 0.116, and with it Starlette; one of its requirements needs a newer
    # protobuf than TensorFlow beside us allows.
    "mlserver": (
        "mlserver==1.7.1",
        "mlserver-mlflow==1.7.1",
        "fastapi==0.115.14",
        "starlette==0.46.2",
        "protobuf==6.33.6",
        # Its worker asks for a loop where there is none yet; later ones of these refuse that.
        "uvloop==0.21.0",
        "skops",
        *DATA,
    ),
    # It pins lightgbm below 4.6, whose wrapper needs scikit-learn below 1.8; it does not say
    # that it needs statsmodels, nor that it reads pkg_resources.
    "nannyml": (
        "nannyml==0.13.1",
        "lightgbm==4.5.0",
        "scikit-learn==1.6.1",
        "setuptools==80.9.0",
        "statsmodels",
        *DATA,
    ),
    "pyod": ("pyod==3.6.7", *DATA),
    "river": ("river==0.23.0", *DATA),
}
"""The requirements of each; what they leave open is pinned by our ``constraints.txt``."""
THREADS = ("OMP", "OPENBLAS", "MKL")
ONE_THREAD = dict.fromkeys([f"{name}_NUM_THREADS" for name in THREADS], "1") | {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
QUIET = {
    "DO_NOT_TRACK": "true",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "",
}


class PeerFailed(RuntimeError):
    """A peer's script ended with an error; its last lines tell why."""


def environment(peer: str) -> Path:
    """Return the interpreter of a peer's environment, made if it is missing or outdated."""
    wanted = _requirements(peer)
    folder = Path(os.environ.get("FACTORY_PEERS") or SCRIPTS.parent / ".peers") / peer
    folder.mkdir(parents=True, exist_ok=True)
    python, ready = folder / "bin" / "python", folder / "ready"
    stamp = hashlib.sha256(wanted.encode()).hexdigest()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists() or ready.read_text() != stamp:
            print(f"Installing {peer} into {folder} (minutes, once) ...", file=sys.stderr)
            ready.unlink(missing_ok=True)
            venv.create(folder, with_pip=True, clear=False)
            _install(python, folder, wanted)
            ready.write_text(stamp)
    return python


def ask(peer: str, script: Path, question: Any = None, *, minutes: float = 10) -> Any:
    """Run a script in a peer's environment on one thread, and return its answer.

    Args:
        peer: a name of ``PEERS``, or ``ours`` for this interpreter.
        script: the program; it is called with the files of its question and of its answer.
        question: anything that JSON can hold.
        minutes: how long it may take.
    """
    python = Path(sys.executable) if peer == "ours" else environment(peer)
    with tempfile.TemporaryDirectory(prefix="factory-peer-") as folder:
        asked, answered = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(question))
        done = subprocess.run(
            [python, script, asked, answered],
            env={**os.environ, **ONE_THREAD, **QUIET},
            capture_output=True,
            text=True,
            timeout=60 * minutes,
            check=False,
        )
        if done.returncode or not answered.exists():
            said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
            raise PeerFailed(f"{script.name} for {peer} ended with {done.returncode}:\n{said}")
        return json.loads(answered.read_text())


def _requirements(peer: str) -> str:
    """Return what to install, our pins last; pins that the peer sets otherwise are left out."""
    named = PEERS[peer]
    own = {_name(one) for one in named if "==" in one}
    pins = [line for line in CONSTRAINTS.read_text().splitlines() if not line.startswith("#")]
    return "\n".join([*named, "--", *(pin for pin in pins if _name(pin) not in own)])


def _install(python: Path, folder: Path, wanted: str) -> None:
    required, pins = wanted.split("\n--\n")
    constraints = folder / "constraints.txt"
    constraints.write_text(pins)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "-c", constraints, *required.split("\n")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PeerFailed(done.stderr[-2000:])


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")
