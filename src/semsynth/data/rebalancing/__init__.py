"""New layouts with more objects of rare classes, pasted where such objects stand in the data."""
