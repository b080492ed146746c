"""`analyze` and `load`: the pipe as one call. Every door goes through here."""
