"""Rare-fault data from the twin: tilted runs with likelihood weights, windows and labels."""

from scenarios.synthetic.dataset import generate_dataset
from scenarios.synthetic.sampling import Sampling
from scenarios.synthetic.storage import checksum, read_dataset, write_dataset

__all__ = ["Sampling", "checksum", "generate_dataset", "read_dataset", "write_dataset"]
