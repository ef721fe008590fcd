"""Evidently's report of a check; the only module that imports it, which takes seconds."""

import warnings
from dataclasses import dataclass

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from flows.samples import Sides


@dataclass(frozen=True, slots=True)
class Written:
    """A report as one self-contained page, and as JSON."""

    html: str
    json: str


def drift_report(sides: Sides) -> Written:
    """Let Evidently compare two tables with its own tests and thresholds.

    Args:
        sides: rows of both, one at least, and one column at least.
    """
    definition = DataDefinition(
        numerical_columns=list(sides.numbers), categorical_columns=list(sides.categories)
    )
    reference, window = (
        Dataset.from_pandas(side, data_definition=definition)
        for side in (sides.reference, sides.window)
    )
    with warnings.catch_warnings():
        # Its tests divide by the zero counts of categories that one side lacks.
        warnings.simplefilter("ignore")
        found = Report([DataDriftPreset()]).run(window, reference)
    return Written(found.get_html_str(as_iframe=False), found.json())
