"""The use cases: run a pipeline over samples, score it, judge it, store it, render it. Collaborators are passed in."""
