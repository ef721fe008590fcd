"""What is collected only where the library that it wraps is installed."""

from importlib.util import find_spec

WRAPPED = {"evidently": "flows/evidently.py", "shap": "factory/diagnosis/tree_values.py"}
collect_ignore = [module for library, module in WRAPPED.items() if find_spec(library) is None]
