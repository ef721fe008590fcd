"""Search backends, one file each; see ``training.plan.Searcher`` for what one must do.

Another library joins by a file here, a line in each table, and its name in
``factory.searching.Backend``.
"""

BACKENDS = {
    "optuna": "training.search.optuna:searcher",
    "hyperopt": "training.search.hyperopt:searcher",
    "sklearn": "training.search.sklearn:searcher",
    "flaml": "training.search.flaml:searcher",
}
SAMPLERS = {
    "optuna": ("tpe", "cmaes", "random", "grid"),
    "hyperopt": ("tpe", "atpe", "anneal", "random"),
    "sklearn": ("random", "grid", "halving_random", "halving_grid"),
    "flaml": ("cfo", "blendsearch"),
}
"""What each backend can propose by, the usual one first."""
PRUNING = ("optuna",)
"""Backends that give trials up."""
SHARED = ("optuna",)
"""Backends whose study several processes can work on."""
EXTRAS = {"hyperopt": "hyperopt", "flaml": "automl"}
"""Optional dependencies that a backend needs."""
