"""Measurements of pisama on labelled traces. The traces are not part of this project; `docs/benchmarks.md` says where they are."""
