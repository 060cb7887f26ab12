"""Training: everything between a recipe and a run folder."""
