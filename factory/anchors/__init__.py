"""Anchors: rules that a prediction holds under, whatever the other features are."""
