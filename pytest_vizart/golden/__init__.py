"""Golden datasets: inputs with their ground truth, read from files. Begin at `dataset.GoldenDataset`."""
