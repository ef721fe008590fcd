"""The worker: pulls runs from a queue and forks each from an interpreter that is warm."""
