"""The studio: a web editor in which one paints labels and sees a photograph, and the HTTP API behind it."""
