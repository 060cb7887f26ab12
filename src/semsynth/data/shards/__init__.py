"""Datasets as WebDataset tar shards: written, checked, and read from a folder or an address."""
