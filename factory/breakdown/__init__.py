"""A window in parts: segments, groups of people, what predictions are worth, outcomes counted."""
