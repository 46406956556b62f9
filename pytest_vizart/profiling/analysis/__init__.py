"""From spans to what users want to know."""
