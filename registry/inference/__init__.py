"""The inference log: every prediction with its features, and the labels that came for it.

Two Delta tables a model, below the home's folder ``inference`` or ``FACTORY_LOG_URL``:
``predictions/NAME`` and ``labels/NAME``. Both are partitioned by day and hold plain types only,
so that Polars, DuckDB and Spark read them as they are.

A process that predicts writes to a spool of its own first, a few times a second, and the spool
is brought into the table some seconds later, each file of it once, whoever is killed when.
"""
