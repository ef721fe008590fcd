"""What a backtest tells: one JSON object."""

from collections.abc import Mapping, Sequence
from typing import Any

from factory.metrics import Metric, metric_named
from flows.backtest.replay import Action, Played
from flows.backtest.scene import Scene
from flows.console import plain


def told(
    scene: Scene, delay: int, played: Mapping[str, Played], notes: Sequence[str]
) -> dict[str, Any]:
    """Return the answer, without digest and total seconds.

    ``regret`` is the mean loss of score against the oracle, in the metric's units, above 0 where
    the oracle did better; None where it did not play. ``windows`` is the number of them.

    Args:
        scene: the stage.
        delay: windows after which labels were known.
        played: what became of each policy, in the order asked for.
        notes: what is to be known of the first training.
    """
    stream, champion = scene.stream, scene.champion
    metric = metric_named(champion.metric, champion.schema)
    oracle = played.get("oracle")
    answer: dict[str, Any] = plain(
        {
            "model": scene.config.name,
            "metric": metric.name,
            "greater_is_better": metric.greater_is_better,
            "windows": len(stream.spans),
            "spans": [
                {"rows": span.rows, "start": span.start, "end": span.end, "sha256": span.sha256}
                for span in stream.spans
            ],
            "train_rows": stream.training.version.rows,
            "train_sha256": stream.training.version.sha256,
            "undated": stream.undated,
            "label_delay": delay,
            "family": champion.family,
            "notes": list(notes),
            "policies": {
                name: _policy(one, regret(metric, one, oracle)) for name, one in played.items()
            },
        }
    )
    return answer


def _policy(played: Played, lost: float | None) -> dict[str, Any]:
    return {
        "mean": played.mean,
        "by_window": list(played.by_window),
        "actions": [_action(number, action) for number, action in enumerate(played.actions)],
        "trainings": played.trainings,
        "fits": played.fits,
        "regret": lost,
        "seconds": played.seconds,
    }


def _action(number: int, action: Action) -> dict[str, Any]:
    return {
        "window": number,
        "kind": action.kind,
        "because": action.because,
        "trained": action.trained,
        **action.told,
    }


def regret(metric: Metric, played: Played, oracle: Played | None) -> float | None:
    """Return the mean loss of score against the oracle over windows that both have scores of."""
    if oracle is None:
        return None
    sign = 1.0 if metric.greater_is_better else -1.0
    pairs = zip(played.by_window, oracle.by_window, strict=True)
    lost = [sign * (best - own) for own, best in pairs if own is not None and best is not None]
    return sum(lost) / len(lost) if lost else None
