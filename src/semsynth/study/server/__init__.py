"""The web side of a study: pages for participants and for the operator, and the API under them."""

from semsynth.extras import require

require("study", "serving a study", "fastapi", "uvicorn")
