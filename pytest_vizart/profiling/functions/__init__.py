"""The function profile: which functions the time of a stage goes to."""
