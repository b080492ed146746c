"""Output formats: one file each, each a pure function from a `Report` to text."""
