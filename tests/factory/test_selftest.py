"""The corruption ladder climbed by a detector with a model's reference."""

import numpy as np
import pandas as pd
import pytest
from pictures import digits, mnist
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from factory.bundle import Bundle
from factory.config import CheckConfig
from factory.errors import BadData
from factory.nouns import Column, Schema
from factory.pictures import Pictures, to_cells
from factory.selftest import selftest


def bundle(pixels, labels):
    column = Column("file", "image", (*pixels.shape[1:], 1))
    classes = tuple("0123456789")
    schema = Schema((column,), "digit", "multiclass", classes=classes)
    frame = pd.DataFrame({"file": to_cells(pixels[..., None]), "digit": labels.astype(str)})
    model = make_pipeline(Pictures(column.shape), KNeighborsClassifier(3))
    pipeline = model.fit(frame[["file"]].head(400), frame["digit"].head(400))
    return Bundle(
        schema=schema, pipeline=pipeline, family="", params={}, metric="accuracy",
        reference=frame, reference_outputs=np.full((len(frame), 10), 0.1),
        reference_score=1.0, importance={}, neutral={}, seen=np.array([], dtype=np.uint64),
    )  # fmt: skip


@pytest.mark.parametrize("rows", [digits, mnist])
def test_clean_windows_never_alarm_and_broken_ones_do_from_severity_2_on(rows):
    pixels, labels = rows()
    made = bundle(pixels[:2000], labels[:2000])
    found = selftest(made, made.schema.features[0], CheckConfig(), rows=500, windows=1, seed=0)
    assert (found.clean.alarms, found.clean.windows) == (0, 10)
    assert [r for r in found.rungs if r.severity > 1 and not r.alarms] == []
    assert found.passed
    clean, noise = found.confidence
    assert 0.1 <= noise <= 1
    assert clean > 0.5


def test_few_pictures_tell_nothing():
    made = bundle(*(part[:400] for part in digits())).taking(np.arange(30))
    with pytest.raises(BadData, match="30 pictures"):
        selftest(made, made.schema.features[0], CheckConfig(), rows=9, windows=1, seed=0)
