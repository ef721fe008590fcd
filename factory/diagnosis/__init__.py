"""Diagnosis: why a window looks as it does, which features carry the loss, and how sure that is."""
