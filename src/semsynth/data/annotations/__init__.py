"""Annotated objects of pictures, as outlines, runs and masks, and what becomes of them: label and instance maps."""
