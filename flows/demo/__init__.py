"""The demo: a year of flights out of New York, lived through window by window."""
