"""From native issues to the pairs of the benchmark: a small fitted table.

For every signal, place and category the table holds the share of that signal's issues for which the
span at that place carries that category. A trace's predictions are the pairs whose probability,
put together from the issues that speak for them, reaches the threshold. Nothing but issues is looked at.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from benchmarks.data import DataMissingError, as_object, read_json
from benchmarks.statistics import folds, harmonic, ratio
from benchmarks.trail.data import Pair
from benchmarks.trail.sightings import PLACES, Examined, Place, Sighting

TABLE = Path(__file__).with_name("adapter.json")
MOST_PREDICTIONS = 6.0
"""Predictions per trace, on average, of the default operating point."""
SMOOTHING = 4.0
"""Weight, in issues, of what a signal inherits from its detector, and a detector from all."""
LEAST_SHARE = 0.04
"""Cells below this share are left out of the table: they could not carry a prediction."""

Cell = tuple[Place, str]
"""A place and a category."""
Shares = Mapping[str, Mapping[Cell, float]]
"""By signal, and by detector for signals that were never seen."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """The fitted table and its operating point."""

    shares: Shares
    threshold: float
    """Least probability of a prediction, 0-1."""
    fitted_on: str = ""
    """Digest of the ids of the traces it was fitted on."""

    def probabilities(self, sightings: Iterable[Sighting]) -> dict[Pair, float]:
        """Every pair the issues speak for, with its probability 0-1."""
        return {pair: share for pair, (share, _) in self.supported(sightings).items()}

    def supported(self, sightings: Iterable[Sighting]) -> dict[Pair, tuple[float, Sighting]]:
        """Every pair with its probability and the issue that speaks for it most.

        Issues of one detector repeat one piece of evidence, so the strongest counts; different
        detectors are taken as independent (noisy-or).
        """
        strongest: dict[Pair, dict[str, tuple[float, Sighting]]] = defaultdict(dict)
        for sighting in sightings:
            cells = self.shares.get(sighting.signal) or self.shares.get(sighting.detector, {})
            for (place, category), share in cells.items():
                span = sighting.spans.get(place)
                if span is None:
                    continue
                found = strongest[span, category]
                if share > found.get(sighting.detector, (0.0, sighting))[0]:
                    found[sighting.detector] = (share, sighting)
        return {pair: _together(list(found.values())) for pair, found in strongest.items()}

    def predict(self, sightings: Iterable[Sighting]) -> frozenset[Pair]:
        """The pairs at or above the threshold."""
        return frozenset(
            pair for pair, share in self.probabilities(sightings).items() if share >= self.threshold
        )

    def as_json(self) -> dict[str, object]:
        """The table as it lies beside this module."""
        shares: dict[str, dict[str, dict[str, float]]] = {}
        for signal, cells in self.shares.items():
            for (place, category), share in cells.items():
                shares.setdefault(signal, {}).setdefault(place, {})[category] = round(share, 3)
        return {"fitted_on": self.fitted_on, "threshold": round(self.threshold, 3), "shares": shares}


def _together(voices: Sequence[tuple[float, Sighting]]) -> tuple[float, Sighting]:
    missed = 1.0
    for share, _ in voices:
        missed *= 1 - share
    return 1 - missed, max(voices, key=lambda voice: voice[0])[1]


def shipped() -> Adapter:
    """The table beside this module. Raises `DataMissingError` when it is not there or cannot be read."""
    table = as_object(read_json(TABLE))
    threshold = table.get("threshold")
    if not isinstance(threshold, (int, float)):
        raise DataMissingError(f"{TABLE} has no threshold; write it with --fit")
    signals = cast(Mapping[str, Mapping[Place, Mapping[str, float]]], as_object(table.get("shares")))
    shares = {
        signal: {(place, name): share for place, cells in places.items() for name, share in cells.items()}
        for signal, places in signals.items()
    }
    return Adapter(shares, float(threshold), str(table.get("fitted_on", "")))


def digest(cases: Iterable[Examined]) -> str:
    """16 hex digits that name a set of traces by their ids."""
    names = "\n".join(sorted(each.case.id for each in cases))
    return hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fit(cases: Sequence[Examined]) -> Adapter:
    """The table for these traces, with the threshold of the best pair F1 within the budget.

    The threshold is set on predictions for traces that the shares were not fitted on (five folds),
    because a rare signal looks better on its own traces than it is.
    """
    honest: list[tuple[float, bool]] = []
    for training, held_out in folds(cases, lambda each: each.case.id, count=5, seed=0):
        adapter = Adapter(fit_shares(training), 0.0)
        for position in held_out:
            each = cases[position]
            honest.extend(
                (share, pair in each.gold) for pair, share in adapter.probabilities(each.sightings).items()
            )
    gold = sum(len(each.gold) for each in cases)
    return Adapter(fit_shares(cases), best_threshold(honest, gold, len(cases)), digest(cases))


def best_threshold(predictions: Iterable[tuple[float, bool]], gold: int, traces: int) -> float:
    """The probability at which pair F1 is best with at most `MOST_PREDICTIONS` a trace."""
    best, threshold, hits = 0.0, 1.0, 0
    ranked = sorted(predictions, reverse=True)
    for count, (share, hit) in enumerate(ranked, start=1):
        hits += hit
        if count > MOST_PREDICTIONS * traces:
            break
        if count < len(ranked) and ranked[count][0] == share:
            continue
        score = harmonic(ratio(hits, count), ratio(hits, gold))
        if score > best:
            best, threshold = score, share
    return threshold


def fit_shares(cases: Sequence[Examined]) -> Shares:
    """The smoothed share of right pairs for every signal, place and category."""
    hits, seen = _counted(cases)
    everything = {cell: ratio(count, seen["", cell[0]]) for (key, cell), count in hits.items() if not key}
    detectors = sorted({sighting.detector for each in cases for sighting in each.sightings})
    signals = sorted({sighting.signal for each in cases for sighting in each.sightings})
    shares: dict[str, Mapping[Cell, float]] = {}
    for key in detectors:
        shares[key] = {
            cell: _smoothed(hits[key, cell], seen[key, cell[0]], base) for cell, base in everything.items()
        }
    for key in signals:
        parent = shares[key.split(".", 1)[0]]
        shares[key] = {
            cell: _smoothed(hits[key, cell], seen[key, cell[0]], base) for cell, base in parent.items()
        }
    return {
        key: {cell: share for cell, share in cells.items() if share >= LEAST_SHARE}
        for key, cells in shares.items()
    }


def _smoothed(hits: int, seen: int, inherited: float) -> float:
    return (hits + SMOOTHING * inherited) / (seen + SMOOTHING)


def _counted(cases: Sequence[Examined]) -> tuple[Counter[tuple[str, Cell]], Counter[tuple[str, Place]]]:
    """Right pairs and spans looked at, by signal, by detector and, under the empty key, by all.

    A span counts once a trace for each key, however many issues point at it.
    """
    hits: Counter[tuple[str, Cell]] = Counter()
    seen: Counter[tuple[str, Place]] = Counter()
    for each in cases:
        named: dict[str, set[str]] = defaultdict(set)
        for span, category in each.gold:
            named[span].add(category)
        for key, place, span in sorted(set(_pointed(each.sightings))):
            seen[key, place] += 1
            for category in named.get(span, ()):
                hits[key, (place, category)] += 1
    return hits, seen


def _pointed(sightings: Iterable[Sighting]) -> Iterator[tuple[str, Place, str]]:
    for sighting in sightings:
        for place in PLACES:
            if place in sighting.spans:
                for key in ("", sighting.detector, sighting.signal):
                    yield key, place, sighting.spans[place]
