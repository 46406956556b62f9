"""Two sides of the history beside each other: which runs a name means, and what changed between them."""
