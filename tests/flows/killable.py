"""Programs that the tests run as processes of their own, and kill."""

import contextlib
import io

from flows.cli import main


def run_window(home: str, window: str, begun: object) -> None:
    """Run the whole loop on a window, and tell when it begins."""
    begun.set()
    with contextlib.redirect_stdout(io.StringIO()):
        main(["run", "small", "--window", window, "--home", home, "--json"])
