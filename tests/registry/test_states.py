"""Values with arrays in one file, and the states of streams: complete or as they were."""

import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import BadData, Unavailable
from registry.states import States, read_values, write_values

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each) | st.tuples(each, each),
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), PLAIN))
def test_plain_values_come_back_as_they_were(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("values") / "v.npz"
    write_values(path, values)
    assert repr(read_values(path)) == repr(values)


def test_arrays_come_back_as_they_were(tmp_path):
    values = {
        "a": np.array([[0.1, np.nan], [np.inf, -0.0]]),
        "deep": [{"b": np.array([1, 2], dtype=np.uint32)}, (np.array([True]), 3)],
        "empty": np.empty((0, 4)),
        "number": np.float64(0.1),
    }
    write_values(tmp_path / "v.npz", values)
    found = read_values(tmp_path / "v.npz")
    assert found["a"].tobytes() == values["a"].tobytes()
    assert found["deep"][0]["b"].dtype == np.uint32
    assert found["deep"][1][0].tolist() == [True]
    assert found["empty"].shape == (0, 4)
    assert found["number"] == 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["v.npz"]


def test_an_object_is_not_written(tmp_path):
    with pytest.raises((TypeError, ValueError)):
        write_values(tmp_path / "v.npz", {"a": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_state_is_replaced_as_a_whole(home):
    states = States(home)
    assert states.read("m", 1) is None
    with states.alone("m", 1):
        states.write("m", 1, {"seen": 1})
        states.write("m", 1, {"seen": 2, "a": np.arange(3)})
    assert states.read("m", 1)["seen"] == 2
    assert states.read("m", 2) is None


def test_a_damaged_state_is_told(home):
    states = States(home)
    with states.alone("m", 1):
        states.write("m", 1, {"seen": 1})
    states.path("m", 1).write_bytes(b"PK")
    with pytest.raises(BadData, match="remove it"):
        states.read("m", 1)


def hold(home, begun, ended):
    with States(home).alone("m", 1):
        begun.set()
        ended.wait(30)


def test_one_process_at_a_time_carries_a_stream_on(home):
    context = multiprocessing.get_context("spawn")
    begun, ended = context.Event(), context.Event()
    other = context.Process(target=hold, args=(home, begun, ended))
    other.start()
    try:
        assert begun.wait(60)
        with (
            pytest.raises(Unavailable, match="Another process watches 'm'"),
            States(home).alone("m", 1),
        ):
            pass
        with States(home).alone("m", 2):
            pass
    finally:
        ended.set()
        other.join(30)
    with States(home).alone("m", 1):
        pass
