"""Support vector machines with kernels."""

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC, SVR

from factory.nouns import Task
from training.families.targets import standardised
from training.family import Family
from training.space import Choice, Float, Int, Params, Space

CALIBRATION_FOLDS = 3
STEPS = 200_000
"""Solver steps after which a machine is taken as it is, so that no trial hangs."""

KERNEL: Space = {
    "C": Float(1e-2, 1e2, start=1.0, log=True),
    "kernel": Choice(("rbf", "linear", "poly")),
    "gamma": Choice(("scale", 1e-3, 1e-2, 1e-1, 1.0), when=("kernel", ("rbf", "poly"))),
    "degree": Int(2, 4, start=3, when=("kernel", ("poly",))),
}


def _space(task: Task, loss: str) -> Space:
    del loss
    if task == "regression":
        return {**KERNEL, "epsilon": Float(1e-3, 0.5, start=0.05, log=True)}
    return {**KERNEL, "class_weight": Choice((None, "balanced"))}


def _build(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    del loss, rows
    if task == "regression":
        return standardised(SVR(max_iter=STEPS, **params))
    machine = SVC(max_iter=STEPS, random_state=seed, **params)
    return CalibratedClassifierCV(machine, cv=CALIBRATION_FOLDS, ensemble=False)


SVM = Family(
    name="svm",
    # A regression's loss is the absolute error beyond a small epsilon.
    losses={"binary": ("hinge",), "multiclass": ("hinge",), "regression": ("absolute_error",)},
    space=_space,
    build=_build,
    needs_scaling=True,
    onehot=True,
    row_limit=5_000,
    class_rows={"hinge": CALIBRATION_FOLDS},
    capacity=("C",),
)
