"""Inputs made to fool a model: attacks to test it with, and a detector of them.

An attack moves the numbers of rows by no more than a share of their range, and leaves the rest
alone; it is for tests and benchmarks, and nothing in the loop calls it. The detector reads what a
model says of a row and of the same row told more coarsely.
"""
