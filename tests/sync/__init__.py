"""Tests of the live line."""
