"""What the factory decides with: nouns, configuration and every verb from check to gate.

Nothing here reads a clock, an environment variable or global random state, and nothing here
knows MLflow or Prefect: the same inputs give the same decision, byte for byte.
"""
