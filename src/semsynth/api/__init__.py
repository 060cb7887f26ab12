"""The public functions that join several packages; ``semsynth`` itself offers them lazily."""
