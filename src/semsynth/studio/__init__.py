"""The studio: a web editor in which one paints labels and sees a photograph, and the HTTP API behind it."""

from semsynth.extras import require

require("studio", "the studio", "fastapi", "uvicorn", "python_multipart")
