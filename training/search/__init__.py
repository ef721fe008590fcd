"""Search backends, one file each; see ``training.objective.Search`` for what one must do."""

BACKENDS = {"optuna": "training.search.optuna:search"}
