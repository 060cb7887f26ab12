"""Pictures larger than memory: made in tiles, from label maps that are read in strips."""
