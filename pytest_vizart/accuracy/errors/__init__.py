"""What is wrong with a detection or an object, how bad it is, and what it costs."""
