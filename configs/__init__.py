"""Example configurations, one YAML file a model."""
