"""Data sets, losses, metrics, training and evaluation."""
