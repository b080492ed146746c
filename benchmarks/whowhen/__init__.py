"""Who&When (arXiv 2505.00212): which agent made the decisive mistake of a failed run, and at which step."""
