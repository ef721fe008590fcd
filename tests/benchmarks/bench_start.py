"""The command line answers before anything heavy is imported."""


def test_help_costs_less_than_importing_numpy(program_seconds, show):
    help_ = program_seconds("-m", "flows.cli", "--help")
    numpy = program_seconds("-c", "import numpy")
    show("factory --help / import numpy", help_ / numpy, "at most 1")
    assert help_ <= numpy
