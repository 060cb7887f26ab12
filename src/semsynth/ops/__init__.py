"""Small tensor functions that two or more models share."""
