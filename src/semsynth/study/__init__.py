"""Perceptual studies: which of two pictures looks more realistic, from the plan to the p-value.

``design`` says what is shown and which answers count, ``planning`` draws it from a seed, ``server`` asks people,
``simulation`` draws answers without people, and ``analysis`` says what the answers mean.
"""

from semsynth.extras import require

require("study", "a study", "sqlalchemy", "choix")
