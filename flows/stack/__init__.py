"""The running factory: servers, workers and the predictor under one small supervisor."""
