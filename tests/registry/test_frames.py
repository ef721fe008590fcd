import numpy as np
import pandas as pd
import pytest
from made import make_frame, make_schema

from factory.errors import BadData, Unavailable
from registry.frames import KeptFrame, load_frame, save_frame
from registry.versions import data_version, marks_of


@pytest.fixture
def kept(home):
    frame = make_frame(rows=13)
    frame["empty"] = np.nan
    frame["void"] = np.array([None] * len(frame), dtype=object)
    version = data_version(frame, make_schema())
    broken = {"a": np.arange(13) % 3 == 0, "b": np.zeros(13, dtype=bool)}
    told = save_frame(home, frame, version, broken)
    return frame, version, broken, told


def test_a_table_comes_back(home, kept):
    frame, version, broken, told = kept
    loaded, masks = load_frame(home, version.sha256, told.broken)
    pd.testing.assert_frame_equal(loaded, frame)
    assert list(masks) == ["a"]
    np.testing.assert_array_equal(masks["a"], broken["a"])


def test_the_same_content_is_one_file_and_no_mask_is_lost(home, kept):
    frame, version, broken, told = kept
    again = save_frame(home, frame, version)
    assert again == KeptFrame(told.file, None)
    other = save_frame(home, frame, version, {"b": ~broken["a"]})
    assert other.file == told.file
    assert list(load_frame(home, version.sha256, told.broken)[1]) == ["a"]
    assert list(load_frame(home, version.sha256, other.broken)[1]) == ["b"]
    assert load_frame(home, version.sha256)[1] == {}
    assert save_frame(home, frame, version, {"b": broken["b"]}).broken == ""
    names = {f"{version.sha256}.parquet", f"{told.broken}.json", f"{other.broken}.json"}
    assert {path.name for path in home.data.iterdir()} == names


@pytest.mark.parametrize("spoil", [lambda c: c[:-1], lambda c: c.replace(b"13", b"12"), None])
def test_masks_that_are_no_longer_what_was_written_are_refused(home, kept, spoil):
    _, version, _, told = kept
    path = home.data / f"{told.broken}.json"
    content = path.read_bytes()
    path.unlink()
    if spoil is not None:
        path.write_bytes(spoil(content))
    with pytest.raises(BadData, match="json"):
        load_frame(home, version.sha256, told.broken)


def test_an_absent_table_is_refused(home):
    with pytest.raises(BadData, match="are not kept"):
        load_frame(home, "0" * 64)


@pytest.mark.parametrize("seed", range(5))
def test_damage_is_noticed(home, kept, seed):
    path = home.data / f"{kept[1].sha256}.parquet"
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    if seed == 0:
        content = content[: len(content) // 2]
    else:
        for position in rng.integers(0, len(content), size=40):
            content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(BadData, match="is damaged"):
        load_frame(home, kept[1].sha256)


def test_another_content_under_the_name_is_noticed(home, kept):
    frame, version, *_ = kept
    other = frame.iloc[::-1].reset_index(drop=True)
    second = data_version(other, make_schema())
    save_frame(home, other, second)
    (home.data / f"{second.sha256}.parquet").replace(home.data / f"{version.sha256}.parquet")
    with pytest.raises(BadData, match="another hash"):
        load_frame(home, version.sha256)


def test_a_failed_write_leaves_nothing(home, kept):
    frame, *_ = kept
    version = data_version(frame.head(3), make_schema())
    home.data.rename(home.path / "elsewhere")
    with pytest.raises(Unavailable, match="cannot be written"):
        save_frame(home, frame.head(3), version)
    home.data.mkdir()
    with pytest.raises(KeyError):
        save_frame(home, frame.head(3).assign(a=1), version)
    assert list(home.data.iterdir()) == []


def test_what_a_frame_does_not_show_is_part_of_its_name(home):
    frame, schema = make_frame(), make_schema()
    unreadable = {"a": np.arange(len(frame)) == 3}
    marks = marks_of(("b",), unreadable, {"a": "12,5"})
    plain, marked = data_version(frame, schema), data_version(frame, schema, marks)
    assert plain.sha256 != marked.sha256
    save_frame(home, frame, marked, {}, marks)
    loaded, _ = load_frame(home, marked.sha256)
    pd.testing.assert_frame_equal(loaded, frame)
    save_frame(home, frame, plain)
    pd.testing.assert_frame_equal(load_frame(home, plain.sha256)[0], frame)
    other = data_version(frame, schema, marks_of(("c",), unreadable, {}))
    save_frame(home, frame, other, {}, marks)
    with pytest.raises(BadData, match="another hash"):
        load_frame(home, other.sha256)
