"""Synthetic metaphases with exact truth."""
