"""TRAIL (arXiv 2505.08638): annotated failures in span trees of tool-using agents."""
