"""Labels and predictions in files, compared without a pipeline and without pytest."""
