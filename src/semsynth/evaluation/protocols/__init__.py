"""Named ways to evaluate: everything that moves a score is fixed by one of them."""
