"""Steps from each version of the tables to the next; Alembic takes them when the store opens."""
