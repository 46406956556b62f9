"""Accuracy: predictions in many forms, compared with ground truth, sample by sample and over all samples."""
