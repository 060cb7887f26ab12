"""Scores that can be compared: named protocols, segmenters, feature networks, metrics and reports."""
