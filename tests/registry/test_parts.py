"""Parts: a large table by its row groups, each read on its own."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from deltalake import write_deltalake

from factory.errors import BadData
from registry.parts import ROWS, parts_of, read_part


def rows_of(location):
    tables = [table for part in parts_of(str(location)) for table in read_part(part)]
    return pa.concat_tables(tables, promote_options="default").to_pandas()


def test_row_groups_come_in_order(tmp_path):
    frame = pd.DataFrame({"a": np.arange(10.0)})
    frame.to_parquet(tmp_path / "t.parquet", row_group_size=4)
    parts = parts_of(str(tmp_path / "t.parquet"))
    assert [(part.number, part.rows) for part in parts] == [(0, 4), (1, 4), (2, 2)]
    pd.testing.assert_frame_equal(rows_of(tmp_path / "t.parquet"), frame)


def test_no_more_rows_than_a_few_are_held_at_once(tmp_path):
    frame = pd.DataFrame({"a": np.arange(2 * ROWS + 1.0)})
    frame.to_parquet(tmp_path / "t.parquet")
    (part,) = parts_of(str(tmp_path / "t.parquet"))
    assert [len(table) for table in read_part(part)] == [ROWS, ROWS, 1]


def test_a_delta_table_has_its_partitions_columns(tmp_path):
    table = pa.table({"a": [1, 2, 3], "p": ["x", "x", "y %/ z"]})
    write_deltalake(tmp_path / "t", table, partition_by=["p"])
    write_deltalake(tmp_path / "t", pa.table({"a": [4], "p": ["x"]}), mode="append")
    found = rows_of(tmp_path / "t").sort_values("a")
    assert found["p"].tolist() == ["x", "x", "y %/ z", "x"]
    assert sum(part.rows for part in parts_of(str(tmp_path / "t"))) == 4


def test_other_tables_have_no_parts(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    places = ["t.csv", "none.parquet"]
    assert [parts_of(str(tmp_path / name)) for name in places] == [(), ()]
    assert parts_of("sqlite:///x.db#t") == ()


def test_a_file_that_is_cut_off_is_one_clear_error(tmp_path):
    pd.DataFrame({"a": np.arange(1000.0)}).to_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadData, match="cannot be read"):
        parts_of(str(tmp_path / "t.parquet"))
