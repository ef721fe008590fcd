"""Backtest: a stream lived through again, in time order, under several policies.

Each window is first scored by the model that serves, and only then learnt from; the labels of a
window are known so many windows later. A policy is handed what it could have known at that
moment, and nothing else. See ``flows.backtest.names`` for the policies.
"""
