"""What is collected only where the library that it wraps is installed."""

from importlib.util import find_spec

WRAPPED = {
    "flows/evidently.py": "evidently",
    "factory/diagnosis/tree_values.py": "shap",
    "factory/neural.py": "keras",
    "factory/ood/autoencoder.py": "keras",
    "factory/ood/lessons.py": "keras",
    "training/families/autokeras.py": "autokeras",
    "training/search/flaml.py": "flaml",
    "training/search/hyperopt.py": "hyperopt",
    "training/search/proxy.py": "grpc",
}
collect_ignore = [module for module, library in WRAPPED.items() if find_spec(library) is None]
