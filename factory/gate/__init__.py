"""The test that a challenger must pass before it serves: one door for all of it."""

from factory.gate.bar import Bar
from factory.gate.costs import Costs, measure_costs
from factory.gate.gate import gate, gate_first, served_tests, with_tests

__all__ = ["Bar", "Costs", "gate", "gate_first", "measure_costs", "served_tests", "with_tests"]
