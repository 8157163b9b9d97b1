"""Cost models that ship with the twin."""
