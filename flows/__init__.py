"""What moves: Prefect flows and the command line."""
