"""Who and when: which agent made the decisive mistake of a failed run, and at which step."""

from pisama.attribution.ranker import attribute, rank

__all__ = ["attribute", "rank"]
