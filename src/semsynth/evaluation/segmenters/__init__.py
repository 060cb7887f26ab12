"""Networks that label photographs: what they are, where they come from, and how small ones are trained."""
