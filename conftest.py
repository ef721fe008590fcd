"""What is collected only where the library that it wraps is installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("evidently") else ["flows/evidently.py"]
