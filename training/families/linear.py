"""Linear models: logistic and ridge regression, and their support vector relatives."""

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC, LinearSVR

from factory.nouns import Task
from training.families.targets import standardised
from training.family import Family
from training.space import Choice, Float, Int, Params, Space

LOGISTIC: Space = {
    "C": Float(1e-3, 1e2, start=1.0, log=True),
    "solver": Choice(("lbfgs", "newton-cholesky", "saga")),
    "l1_ratio": Choice((0.0, 0.5, 1.0), when=("solver", ("saga",))),
    "tol": Float(1e-5, 1e-2, start=1e-4, log=True),
    "max_iter": Int(50, 500, start=200, log=True),
    "fit_intercept": Choice((True, False)),
    "class_weight": Choice((None, "balanced")),
}
HINGE: Space = {
    "C": Float(1e-3, 1e2, start=1.0, log=True),
    "tol": Float(1e-5, 1e-2, start=1e-4, log=True),
    "max_iter": Int(500, 5000, start=1000, log=True),
    "fit_intercept": Choice((True, False)),
    "class_weight": Choice((None, "balanced")),
}
RIDGE: Space = {
    "alpha": Float(1e-3, 1e3, start=1.0, log=True),
    "fit_intercept": Choice((True, False)),
}
ABSOLUTE: Space = {
    "C": Float(1e-3, 1e2, start=1.0, log=True),
    "fit_intercept": Choice((True, False)),
}
CALIBRATION_FOLDS = 3


def _space(task: Task, loss: str) -> Space:
    del task
    by_loss = {"log_loss": LOGISTIC, "hinge": HINGE, "squared_error": RIDGE}
    return by_loss.get(loss, ABSOLUTE)


def _build(params: Params, task: Task, loss: str, seed: int, rows: int) -> Any:
    del task, rows
    match loss:
        case "log_loss":
            return LogisticRegression(**params, random_state=seed)
        case "hinge":
            machine = LinearSVC(loss="hinge", random_state=seed, **params)
            return CalibratedClassifierCV(machine, cv=CALIBRATION_FOLDS, ensemble=False)
        case "squared_error":
            return Ridge(**params)
        case _:
            machine = LinearSVR(epsilon=0.0, random_state=seed, **params)
            return standardised(machine)


LINEAR = Family(
    name="linear",
    losses={
        "binary": ("log_loss", "hinge"),
        "multiclass": ("log_loss", "hinge"),
        "regression": ("squared_error", "absolute_error"),
    },
    space=_space,
    build=_build,
    needs_scaling=True,
    onehot=True,
    class_rows={"hinge": CALIBRATION_FOLDS},
    capacity=("C", "alpha"),
)
