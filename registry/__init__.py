"""What remembers: models and aliases, data versions, the inference log, the ledger."""
