"""The papers' networks, one file per family, each with its configuration."""
