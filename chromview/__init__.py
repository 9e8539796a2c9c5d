"""chromview: from photographs of dividing cells to karyograms."""

__version__ = "0.1.0"
