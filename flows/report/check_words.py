"""What a check found, in sentences: whether it alarms, why, and what it could not tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from factory.nouns import ROWS
from flows.report.check import CheckReport, Interval, interval_of, moved_of
from flows.report.check_figures import Figures, count, cut, listed, metric_words, percent
from flows.report.history import known, remedy_words

PROBLEMS = {
    "constant": "stands still",
    "duplicate": "repeat others",
    "future": "lies in the future",
    "late": "came late",
    "missing": "is missing",
    "out_of_range": "is out of range",
    "placeholder": "holds placeholders",
    "schema": "has no column",
    "stuck": "is stuck",
    "type": "cannot be read",
    "unit": "changed its unit",
    "unseen": "has unseen categories",
}
"""What is wrong with a feature, by the problem's name."""
FAR = 100
"""Relative losses beyond are not written as a number."""
KINDS = {
    "length": "words in a text",
    "missing": "missing values",
    "new_words": "new words",
    "unseen": "unseen categories",
}
"""What a signal is about where it is not the values themselves."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The page's first words; ``unknown`` is a calm whose performance nobody knows."""

    state: Literal["alarm", "calm", "unknown"]
    title: str
    sentence: str
    next_step: str
    command: str | None = None


def headline(report: CheckReport) -> Headline:
    """Say in one sentence whether a check alarms and why, and in another what to do."""
    told = report.told
    name = f"{told['model']} version {told['version']}"
    state = performance_words(report)
    if told["alarm"]:
        reasons = [*_reasons(report), *([] if told["performance"]["alarm"] else [state])]
        command = None if report.decision else f"factory run {told['model']} --window ..."
        return Headline("alarm", f"{name}: alarm", _sentence(reasons), _next(report), command)
    sound = _sentence([state, _stillness(told)])
    if measured(told) is None:
        return Headline("unknown", f"{name}: performance unknown", sound, _next(report))
    return Headline("calm", f"{name}: no alarm", sound, _next(report))


def measured(told: Mapping[str, Any]) -> tuple[str, Interval] | None:
    """Return how performance is known, and its value; realised before estimated.

    >>> measured({"performance": {"realised": None, "estimated": {"value": 0.5}}})
    ('estimated', Interval(value=0.5, low=None, high=None))
    """
    for how in ("realised", "estimated", "predicted"):
        found = interval_of(told["performance"].get(how))
        if found is not None:
            return how, found
    return None


def performance_words(report: CheckReport) -> str:
    """Say how the model does, and against what."""
    told = report.told["performance"]
    metric, reference = metric_words(told["metric"]), known(told["reference"])
    now = measured(report.told)
    if now is None:
        return f"how the model does is not known: {_without_labels(report.told)}"
    how, value = now
    show = Figures.of([reference, value.value, value.low, value.high])
    shown = show.interval(value)
    expected = show(reference)
    if told["alarm"]:
        by = _loss(report, value.value)
        source = "" if how == "realised" else ", estimated without labels"
        return f"performance fell: {metric} is {shown}{source}, {by} the {expected} expected"
    verb = "is" if how == "realised" else "is estimated, without labels, at"
    return f"performance holds: {metric} {verb} {shown}, where {expected} was expected"


def problem_words(problem: Mapping[str, Any]) -> str:
    """Say what is wrong with a feature, without its name."""
    kind = str(problem.get("problem"))
    return PROBLEMS.get(kind, kind.replace("_", " "))


def _reasons(report: CheckReport) -> list[str]:
    told = report.told
    found = [performance_words(report)] if told["performance"]["alarm"] else []
    found += _broken(told)
    moved, features = moved_of(told)
    if moved:
        most = f", {cut(moved[0])} most" if len(moved) > 1 else ""
        who = (
            f"the feature {cut(moved[0])}"
            if len(moved) == 1
            else f"{len(moved)} of {features} features"
        )
        found.append(f"{who} moved{most}")
    joint = (told.get("drift") or {}).get("joint") or {}
    if joint.get("alarm") and not moved:
        tells = [cut(name) for name in joint.get("tells") or ()]
        found.append(
            "the features moved together, though none alone"
            + (f" ({listed(tells)} tell most)" if tells else "")
        )
    whole = {
        "prediction_drift": "what the model predicts",
        "label_drift": "what is to be predicted",
    }
    found += [
        f"{words} moved" for key, words in whole.items() if (told.get(key) or {}).get("alarm")
    ]
    found += _parts(told)
    return found or ["something was found that this page does not know; see check.json"]


def _broken(told: Mapping[str, Any]) -> list[str]:
    problems = [p for p in told.get("quality") or () if not p.get("handled")]
    if not problems:
        return []
    worst = max(problems, key=lambda p: known(p.get("share")) or 0.0)
    more = len(problems) - 1
    rest = {0: "", 1: ", and there is one more problem with the data"}
    words = f", and there are {more} more problems with the data"
    return [_damage(worst) + rest.get(more, words)]


def _damage(problem: Mapping[str, Any]) -> str:
    name, share = str(problem["feature"]), known(problem.get("share"))
    if problem.get("problem") == "schema":
        return f"the table has no column {cut(name)}"
    rows = "all rows" if share == 1 else f"{percent(share)} of the rows"
    if name == ROWS:
        return f"{rows} {'repeat others' if problem['problem'] == 'duplicate' else 'are damaged'}"
    return f"in {rows} {cut(name)} {problem_words(problem)}"


def _parts(told: Mapping[str, Any]) -> list[str]:
    segments = told.get("segments") or ()
    alarmed = sum(one.get("alarm") is True for one in segments)
    found = [f"{alarmed} of {count(len(segments), 'segment')} alarm"] if alarmed else []
    for one in told.get("fairness") or ():
        if one.get("alarm"):
            columns = listed([cut(name) for name in one["by"]])
            found.append(f"groups by {columns} are selected too unequally")
    return found


def _stillness(told: Mapping[str, Any]) -> str:
    _, features = moved_of(told)
    handled = [p for p in told.get("quality") or () if p.get("handled")]
    data = "the data are sound"
    if handled:
        names = listed(list(dict.fromkeys(cut(p["feature"]) for p in handled)))
        data = f"of the data only {names} is broken, which the model does without already"
    if not features:
        return f"no feature was compared, and {data}"
    return f"none of {count(features, 'feature')} moved further than is accepted, and {data}"


def _without_labels(told: Mapping[str, Any]) -> str:
    labelled = told.get("labelled") or 0
    had = "no row has a label" if not labelled else f"only {count(labelled, 'row')} can be judged"
    needed = known(told["performance"].get("labels_needed"))
    asked = f" ({count(round(needed), 'label')} would tell)" if needed else ""
    return f"{had}, and without labels it cannot be estimated{asked}"


def _loss(report: CheckReport, value: float) -> str:
    """Say how much worse a value is, in words that go before what was expected."""
    reference = known(report.told["performance"]["reference"])
    if not reference:
        return "against"
    change = (value - reference) / abs(reference) * (-1 if report.greater_is_better else 1)
    if change <= 0:
        return "against"
    if change > FAR:
        return "far worse than"
    if change > 1 and reference > 0 and not report.greater_is_better:
        return f"{value / reference:.1f} times"
    return f"{percent(change)} worse than"


def _next(report: CheckReport) -> str:
    if report.decision is not None:
        return _decided(report.decision)
    if report.told["alarm"]:
        return (
            "Nothing was changed: a check only measures. To have every remedy measured on these "
            "rows and the best one performed, give the same window to"
        )
    if measured(report.told) is None:
        return "There is nothing to mend that could be seen. Labels would tell more."
    return "There is nothing to do."


def _decided(decision: Mapping[str, Any]) -> str:
    diagnosis = decision.get("diagnosis") or {}
    culprits = [cut(name) for name in diagnosis.get("culprits") or ()]
    cause = str(diagnosis.get("cause") or "unknown").replace("_", " ")
    what = f"Diagnosed: {cause}{f' ({listed(culprits)})' if culprits else ''}."
    remedy = remedy_words(decision.get("remedy") or {})
    return f"{what} The factory decided: {remedy}. {_sentence([str(decision.get('because'))])}"


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(part.rstrip(".") for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}." if text else ""
