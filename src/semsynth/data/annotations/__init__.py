"""Annotated objects as outlines, runs and masks; the files that hold them, and the photographs that these name."""
