import threading

import numpy as np
import pandas as pd
import pytest

from factory.errors import BadData, Unavailable
from registry.inference import append, read


def predictions(n=3, first=0, **more):
    return pd.DataFrame(
        {
            "prediction_id": [f"p{i}" for i in range(first, first + n)],
            "model": "m",
            "version": 1,
            "predicted_at": "2025-01-01T00:00:00+00:00",
            "time": pd.date_range("2025-01-01", periods=n, freq="h"),
            "prediction": np.arange(n) + 0.5,
            "feature_a": [1.0, np.nan, 3.0][:n] if n <= 3 else np.arange(n) * 1.0,
            "feature_c": np.array((["red", None, "blue"] * n)[:n], dtype=object),
            **more,
        }
    )


def test_predictions_come_back_in_order(home):
    assert read(home, "m").empty
    append(home, "m", predictions())
    append(home, "m", predictions(2, first=3))
    append(home, "other", predictions())
    logged = read(home, "m").sort_values("prediction_id", ignore_index=True)
    assert logged["prediction_id"].tolist() == ["p0", "p1", "p2", "p3", "p4"]
    pd.testing.assert_frame_equal(
        logged.head(3)[["prediction", "feature_a", "feature_c"]],
        predictions()[["prediction", "feature_a", "feature_c"]],
    )
    assert logged["time"][1] == pd.Timestamp("2025-01-01T01:00")


def test_a_later_model_may_have_other_features(home):
    append(home, "m", predictions(1, feature_void=np.array([None], dtype=object)))
    append(home, "m", predictions(1, first=1, feature_b=[2.0]).drop(columns="feature_a"))
    logged = read(home, "m").set_index("prediction_id").sort_index()
    assert logged["feature_b"].isna().tolist() == [True, False]
    assert logged["feature_a"].isna().tolist() == [False, True]
    assert logged["feature_void"].isna().all()


def test_writers_at_once_lose_nothing(home):
    append(home, "m", predictions(1))
    threads = [
        threading.Thread(target=append, args=(home, "m", predictions(1, first=i)))
        for i in range(1, 6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read(home, "m")["prediction_id"]) == [f"p{i}" for i in range(6)]


def test_damage_is_told(home):
    append(home, "m", predictions())
    log = home.inference / "m" / "_delta_log"
    for file in log.iterdir():
        file.write_text("{")
    with pytest.raises(BadData, match="is damaged"):
        read(home, "m")
    with pytest.raises(Unavailable, match="cannot be written"):
        append(home, "m", predictions())
