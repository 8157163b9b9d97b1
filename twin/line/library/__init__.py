"""Example lines that ship with the twin; documentation, tests and tutorials use the same ones."""
