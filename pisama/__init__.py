"""Agent traces in, failures out."""
