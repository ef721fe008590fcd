"""Known vulnerabilities of pinned versions, as ``python tests/audit.py FILE`` says them.

It runs pip-audit of the same environment, which calls versions safe that nothing is known of; this
says of how many of them the package index told anything.
"""

import json
import subprocess
import sys
from typing import Any

FOUND, FAILED = 1, 2


def words(dependencies: list[dict[str, Any]]) -> tuple[str, int]:
    """Say what is known of dependencies, and return the exit code.

    Args:
        dependencies: as pip-audit's JSON has them.

    >>> told, code = words([{"name": "a", "skip_reason": "not found"}])
    >>> told.startswith("NOT AUDITED: nothing is known of any of the 1 versions"), code
    (True, 0)
    >>> words([{"name": "a", "version": "1", "vulns": []}])
    ('1 of 1 versions were audited: no known vulnerability.', 0)
    """
    asked = [one for one in dependencies if "skip_reason" not in one]
    if not asked:
        why = f" ({dependencies[0]['skip_reason']})" if dependencies else ""
        text = (
            f"NOT AUDITED: nothing is known of any of the {len(dependencies)} versions, for this "
            f"package index tells no vulnerabilities{why}. They may be safe or not. "
            "fix: make audit where https://pypi.org answers"
        )
        return text, 0
    bad = [(one, vuln) for one in asked for vuln in one["vulns"]]
    lines = [f"{one['name']} {one['version']}: {v['id']}, {_mended(v)}" for one, v in bad]
    said = f"{len(bad)} known vulnerabilities" if bad else "no known vulnerability"
    lines.append(f"{len(asked)} of {len(dependencies)} versions were audited: {said}.")
    unknown = [one["name"] for one in dependencies if one not in asked]
    if unknown:
        lines.append(f"NOT AUDITED: {', '.join(unknown)}")
    return "\n".join(lines), FOUND if bad else 0


def _mended(vulnerability: dict[str, Any]) -> str:
    versions = vulnerability["fix_versions"]
    return f"mended in {versions[0]}" if versions else "not mended yet"


def main(file: str) -> int:
    """Audit a file of pinned versions."""
    told = ["-r", file, "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner=off"]
    ran = subprocess.run(
        [sys.executable, "-m", "pip_audit", *told], capture_output=True, text=True, check=False
    )
    try:
        text, code = words(json.loads(ran.stdout)["dependencies"])
    except ValueError:
        last = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
        fix = "fix: make audit where https://pypi.org answers"
        text, code = f"NOT AUDITED: pip-audit failed: {last}\n{fix}", FAILED
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
