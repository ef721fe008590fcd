"""``factory doctor``: whether this installation can work, and how to mend it."""

import os
from argparse import Namespace
from dataclasses import asdict

from flows.console import answers, print_json
from flows.doctor import examine

STYLES = {"ok": "green", "note": "dim", "warning": "yellow", "problem": "bold red"}


def run(args: Namespace) -> int:
    """Look at everything, and tell what was found with its fix."""
    found = examine(args.home, os.environ)
    fine = all(finding.grade in {"ok", "note"} for finding in found)
    if args.json:
        print_json({"ok": fine, "findings": [asdict(finding) for finding in found]})
    else:
        for finding in found:
            style = STYLES[finding.grade]
            answers.print(
                f"[{style}]{finding.grade:8}[/{style}] {finding.check}: ", end="", soft_wrap=True
            )
            answers.print(finding.said, markup=False, soft_wrap=True)
            if finding.fix and finding.grade != "ok":
                answers.print(f"         fix: {finding.fix}", markup=False, soft_wrap=True)
    return 1 if args.exit_code and not fine else 0
