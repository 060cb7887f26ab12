"""Official checkpoints as our model folders."""
