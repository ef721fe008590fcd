import numpy as np
import pandas as pd
from logged import START, predictions
from made import make_bundle

from factory.metrics import metric_named
from registry.inference.columns import to_table
from registry.inference.commit import with_day
from registry.inference.judged import judgements, paired, told_between
from registry.inference.labels import add_labels
from registry.inference.table import address, append, found

HIGH = f"{START + 10**12:016x}"


def test_a_shadow_is_judged_by_the_labels_of_the_answers_that_were_given(home):
    where = address(home, "predictions", "m")
    champion, challenger = make_bundle("binary"), make_bundle("binary", seed=5)
    for first in (0, 50):
        for bundle, version, role in ((champion, 1, "champion"), (challenger, 2, "shadow")):
            batch = predictions(
                50, first=first, bundle=bundle, version=version, role=role, seed=first
            )
            append(where, with_day(to_table([batch])))
    schema = champion.schema
    assert judgements(told_between(home, "m", schema, "0", "1"), None) == []
    ids = batch.ids
    labels = np.where(np.arange(50) % 3 == 0, "yes", "no")[:40]
    add_labels(home, "m", schema, pd.DataFrame({"prediction_id": ids[:40], "y": labels}), at=START)
    told = told_between(home, "m", schema, "", HIGH)
    metric = metric_named("accuracy", schema)
    ours = judgements(told, metric)
    assert [(j.version, j.role, j.rows, j.labelled) for j in ours] == [
        (1, "champion", 100, 40),
        (2, "shadow", 100, 40),
    ]
    same, truth, one, other = paired(told, 1, 2)
    assert same.tolist() == list(ids[:40])
    assert truth.tolist() == labels.tolist()
    frame = batch.rows.frame(batch.layout).head(40)
    np.testing.assert_allclose(one, champion.outputs(frame))
    np.testing.assert_allclose(other, challenger.outputs(frame))
    assert ours[0].value == metric.value(truth, one)
    assert ours[1].value == metric.value(truth, other)
    assert len(paired(told, 1, 3)[0]) == 0
    assert [row.column("version")[0].as_py() for row in found(where, "row_id", "r0003")] == [1, 2]
    assert found(where, "no_column", "x") == []


def test_versions_that_nobody_asked_are_paired_on_nothing(home):
    told = told_between(home, "m", make_bundle("binary").schema, "", HIGH)
    assert [len(part) for part in paired(told, 1, 2)] == [0, 0, 0, 0]
