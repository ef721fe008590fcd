-- Beside the database "factory", which holds the ledger and the studies.
CREATE DATABASE prefect;
CREATE DATABASE mlflow;
