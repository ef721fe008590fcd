"""Our plug-ins of alibi-detect, in an environment that has it."""

import pytest
from peers.environment import SCRIPTS, ask

from factory.detectors import JOINT_PLUGINS, PLUGINS


@pytest.fixture(scope="module")
def found():
    return ask("alibi", SCRIPTS / "plugins_alibi.py", {"seed": 0})


@pytest.mark.parametrize("name", PLUGINS)
def test_a_single_features_plugin_gives_alibi_detects_numbers(name, found, tell):
    for side in ("same", "moved"):
        ours, theirs = found[name][side]["found"], found[name][side]["theirs"]
        tell(f"{name}, {side}: statistic, p-value, effect {ours}; its own {theirs}")
        assert ours[0] == pytest.approx(theirs[0], rel=1e-6)
        # Of few rows Cramér and von Mises' has an exact p-value, and ours is the limit's.
        assert ours[1] == pytest.approx(theirs[1], rel=1e-3, abs=2e-3)
    assert found[name]["same"]["found"][1] > 0.01
    assert found[name]["moved"]["found"][1] < 0.001
    assert found[name]["moved"]["found"][2] > 0.05
    assert found[name]["moved"]["dependent"][1] > 10 * found[name]["moved"]["found"][1]


@pytest.mark.parametrize("name", JOINT_PLUGINS)
def test_a_joint_plugin_sees_what_moved_and_repeats_itself(name, found, tell):
    told = found[name]
    tell(f"{name}: same {told['same']}, moved {told['moved']}")
    assert told["same"][1] > 0.01
    assert told["moved"][1] <= 0.02
    assert told["moved"][2] > max(0.05, told["same"][2])
    assert told["moved"] == told["again"]
    assert told["state"]
    assert told["few"] == 1.0


def test_a_check_is_told_to_use_them_by_name(found):
    named = {feature: (detector, alarm) for feature, detector, alarm in found["signals"][::-1]}
    assert named["a"] == ("alibi:KSDrift", True)
    assert named["c"] == ("alibi:ChiSquareDrift", True)
