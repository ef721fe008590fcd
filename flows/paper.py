"""What people are handed: a ticket for whoever mends the source, rows for whoever labels."""

import numpy as np

from factory.ask import rows_to_label
from factory.remedies import Choice, FixSource, describe
from flows.case import Case, Examined
from registry.home import Home


def write_ticket(case: Case, examined: Examined, choice: Choice, home: Home) -> str:
    """Write what a person needs to mend the source, and return the file's name."""
    version = case.window.version
    lines = [
        f"# Fix the source of {case.model}",
        "",
        f"Window: {version.start or '?'} to {version.end or '?'}, {version.rows:,} rows.",
        f"SHA-256 {version.sha256}. {_kept_from(choice)}",
        "",
        f"Why: {choice.because}.",
        "",
        "| feature | problem | share of rows | detail |",
        "|---|---|---|---|",
        *(
            f"| {p.feature} | {p.problem} | {p.share:.1%} | {p.detail} |"
            for p in examined.checked.evidence.quality
        ),
    ]
    path = home.reports / f"{case.model}-{case.id}-ticket.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def _kept_from(choice: Choice) -> str:
    if isinstance(choice.remedy, FixSource):
        return "It is quarantined: no model learns from it."
    return f"No model learns from its broken rows. In the meantime: {describe(choice.remedy)}."


def write_rows(case: Case, examined: Examined, count: int, home: Home) -> str:
    """Write the rows whose labels would tell most, and return the file's name."""
    unlabelled = np.flatnonzero(~case.labelled)
    frame = case.window.frame.iloc[unlabelled].reset_index(drop=True)
    checked = examined.checked
    chosen = rows_to_label(
        case.champion,
        frame,
        checked.outputs[unlabelled],
        checked.evidence.drift,
        count=min(count, len(frame)),
        seed=case.config.seed,
    )
    path = home.reports / f"{case.model}-{case.id}-to-label.csv"
    frame.iloc[chosen].to_csv(path, index=False)
    return str(path)
