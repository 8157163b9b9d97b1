"""Peers for the fault harness: counter servers of two vendors, and a proxy."""
