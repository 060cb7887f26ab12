"""Results for people: Markdown and a page with bars and pictures."""
