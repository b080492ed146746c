"""docs/benchmarks.md, made from the frozen figures in benchmarks/results/ and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import orjson

from benchmarks.speed.section import GROWTH, SPEED, growth, speed

RESULTS = Path(__file__).parent / "results"

Figures = Mapping[str, Any]

INTRODUCTION = """\
# Benchmarks

What was measured, on what, and how it could mislead. Every figure below is read from
`benchmarks/results/`, which the commands of this page write. The labelled traces are public but not part of
this project; each section says where they come from.

The figures are from development parts of these sets, chosen by a hash of the case id. Detectors were designed on the
same parts, so even a cross-validated figure is kinder than new traces will be: cross-validation guards what is
*fitted* (the adapter's shares and weights, confidences), not what a person saw while writing a detector.

```console
$ pip install "pisama[benchmarks]"
$ python -m benchmarks.trail DATA/trail --fit --json benchmarks/results/trail-blind.json --curve docs/trail-curve
$ python -m benchmarks.trail DATA/trail --protocol oracle --json benchmarks/results/trail-oracle.json
$ python -m benchmarks.whowhen DATA/whowhen --fit --json benchmarks/results/whowhen.json
$ python -m benchmarks.healthy DATA --json benchmarks/results/healthy.json
$ python -m benchmarks.injection DATA --json benchmarks/results/injection.json
$ python -m benchmarks.calibrate DATA --json benchmarks/results/calibrate.json
$ python -m benchmarks.speed DATA/trail/traces --tracelint TRACELINT --repeat 2 --json benchmarks/results/speed.json
$ python -m benchmarks.speed.longer --formats EMPTY --json benchmarks/results/growth.json
```

| what is fitted | on what | how it is checked |
|---|---|---|
| the TRAIL adapter: shares by kind of span, weights of signs, and one threshold | TRAIL development part | refitted within 10 folds by trace, 5 divisions |
| the weights of attribution: a logit over the signs of each step | Who&When development part | refitted within 10 folds by case, 5 divisions; from one subset to the other |
| the confidence of each signal | TRAIL, AgentProcessBench, tau-bench and ASSEBench development parts | refitted within 10 folds by trace, 5 divisions |
| the trivial baselines | the same folds as the adapter | the same |
"""

TRAIL = """\
[TRAIL](https://arxiv.org/abs/2505.08638) (Patronus AI): span trees of tool-using agents on GAIA and SWE-bench tasks, failures annotated with a
span and one of 21 categories. *Blind*: detectors get the trace alone; `logs` of the spans are removed, because those of the
benchmark's runner hold the right answer.

* **location** and **joint** accuracy are the official measures: the share of annotated spans, or of annotated (span, category) pairs, that
  was predicted, per trace, averaged over traces. Both are recall only: naming everything costs nothing. **category F1** is the official
  support-weighted F1 of the categories present in a trace.
* **pair precision**, **recall** and **F1** count (span, category) pairs over all traces, and **a trace** is the number of predictions
  per trace. No joint accuracy means anything without them.

The adapter that turns pisama's findings into pairs looks at a span's signs: the issues that name it, the part its step plays in the
run, and how its calls went. A list of some forty kinds of spans over these signs gives each span the share of every category among
training spans of its kind, a sparse logistic regression over all signs another, and the two are averaged; both tables are in
`benchmarks/trail/adapter.json`. Parts and outcomes alone go a long way on a set made with one framework; the line **the adapter without any issue** shows
how far, and the distance from it is what the detectors add.
"""

TRAIL_LIMITS = """\
Label noise: annotators were told to name the first instance of a failure (the last for Resource Abuse) and did not always; some failures
are not annotated at all, some locations are no span of their trace, some spellings belong to no category. Such labels count as
missed here, as they do for the official scorer.

Published joint accuracy on the GAIA part, each by its own authors and none with its precision: Gemini-2.5-Pro .183 and other frontier LLMs from .05 (TRAIL paper),
AgentCompass .239, Deepchecks .616. They cover the whole set, the table above a part of it.
"""

ORACLE = """\
Here the category and the span are given: the detector that names the category among its tags is asked about the annotated span, and it
answers yes when it has an issue that names or shows the step of that span (or the same agent's step before it, whose result the span saw).
This is the kind of protocol behind figures such as "60.1% joint accuracy, 100% precision".

It can show which categories a set of detectors covers at all. It cannot show accuracy: only annotated spans are asked about, so precision
is 1 for any detector, also for one that always says yes. Therefore the same question is put to all spans of the same kind that
do not carry the label (**false-fire rate**), and the balanced accuracy is 0.5 for a detector that knows nothing. Do not compare a recall
from this protocol with a joint accuracy from the blind one.
"""

WHOWHEN = """\
[Who&When](https://arxiv.org/abs/2505.00212): failed multi-agent conversations, labelled with the agent and the step of the decisive mistake.
Exact match over all cases; an abstention is wrong. The right answer and the labels are never shown. *Lenient* is how the official script matches:
the label contained in the answer, so that "1" is found in "12". A few labels name an agent that did not speak at the labelled step, and one agent
is spelled in two ways.

*Cross-validated* is attribution without a model, told only that the run failed: weights fitted on nine tenths of the cases answer the tenth, the mean of
five divisions; the interval is that of one. *Without signs of order* leaves out every sign that tells what came first, last, before or after. No sign
knows a step's number or an agent's name. *Fitted on the other subset* is the transfer: the subsets are of different kinds (agents that take turns; a
leader who hands out work), and what gives a mistake away in one does not in the other. *As `analyze` says* abstains where no issue is at least medium
and no failure is recorded, and on cases the weights were fitted on it flatters, as does *as shipped*. The signs, some 80 of 200 that were tried,
and the ridge were chosen by hand while looking at these cases, which cross-validation does not undo: expect somewhat less on others.

Published for all 184 cases, agent / step, Algorithm-Generated and Hand-Crafted: GPT-4o all-at-once 54.3 / 12.5 and 55.2 / 5.3, step-by-step 35.2 / 25.5
and 34.5 / 7.0 (paper). Not to be compared: figures that average over the subsets, or that use the right answer.
"""

HEALTHY = """\
Runs known to be right: airline runs of [tau-bench](https://arxiv.org/abs/2406.12045) with reward 1, and question-answering runs of
AgentProcessBench whose final answer is right. Issues as shown with the default settings. A right run may still contain a mistake it recovered from, so not
every issue here is false; all are counted as such. Wrong runs stand beside: a detector that fires as often on right runs finds nothing.
The release gate fails above 3% of right runs with an issue at or above high, or above 5% with one at or above medium of any one detector.
"""

INJECTION = """\
ASSEBench, security part: runs judged safe or unsafe, grouped by the risk they are labelled with. "Any level" includes orders that were seen and not obeyed,
which safe runs hold too. The attacks follow few templates, so this says little about attacks of other kinds.
"""

CONFIDENCE = """\
The confidence of a signal is its share of right issues, drawn towards the prior written in the detector (worth 4 issues) and at most .98.
On TRAIL an issue is right when the model call or tool call it names carries any annotation; in AgentProcessBench when the step is labelled bad;
on right tau-bench runs never; on ASSEBench (injection only) when the run is unsafe or labelled as attacked. Failures that annotators missed count as false
alarms. Signals that never fired on these sets keep their prior.
"""


def benchmarks_page(results: Path = RESULTS) -> str:
    """The page. Raises `FileNotFoundError` when a frozen result is missing, other than that of the longest runs."""
    read = {
        name: cast(Figures, orjson.loads((results / f"{name}.json").read_bytes()))
        for name in ("trail-blind", "trail-oracle", "whowhen", "healthy", "injection", "calibrate", "speed")
    }
    parts = [
        INTRODUCTION,
        "## TRAIL, blind",
        TRAIL,
        *trail(read["trail-blind"]),
        TRAIL_LIMITS,
        "## TRAIL, oracle protocol",
        ORACLE,
        oracle(read["trail-oracle"]),
        "## Who&When",
        WHOWHEN,
        *whowhen(read["whowhen"]),
        "## False alarms on right runs",
        HEALTHY,
        *healthy(read["healthy"]),
        "## Injection",
        INJECTION,
        injection(read["injection"]),
        "## Confidence",
        CONFIDENCE,
        *confidence(read["calibrate"]),
        "## Speed",
        SPEED,
        *speed(read["speed"], grid),
    ]
    longest = results / "growth.json"
    if longest.is_file():
        parts += (GROWTH, *growth(orjson.loads(longest.read_bytes()), grid))
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, figures to the right."""
    lines = [columns, ["---", *("---:" for _ in columns[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_MEASURES = ("location_accuracy", "joint_accuracy", "category_f1", "pair_precision", "pair_recall", "pair_f1")
_COLUMNS = ("location", "joint", "category F1", "pair precision", "pair recall", "pair F1", "a trace")


def trail(read: Figures) -> Iterable[str]:
    """The tables of the blind protocol."""
    for name, splits in read["figures"].items():
        rows = [
            (
                f"{split} ({each['traces']})",
                *(f"**{each[key]['value']:.3f}** {_range(each[key])}" for key in _MEASURES),
                f"{each['predictions_per_trace']['value']:.1f}",
            )
            for split, each in splits.items()
        ]
        told = "" if name == read["headline"] else ", for comparison only: fitted on these very traces"
        yield f"### {name.capitalize()}{told}"
        yield grid(("traces", *_COLUMNS), rows)
    yield "### Beside what needs no detector"
    systems = {f"pisama, {read['headline']}": read["figures"][read["headline"]], **read["baselines"]}
    yield grid(
        ("all traces", *_COLUMNS),
        [
            (
                name,
                *(f"{each['together'][key]['value']:.3f}" for key in _MEASURES),
                f"{each['together']['predictions_per_trace']['value']:.1f}",
            )
            for name, each in systems.items()
        ],
    )
    yield "![Joint accuracy against pair precision](trail-curve.svg)"
    yield f"### By category, {read['headline']}"
    yield grid(
        ("category", "annotated", "predicted", "right", "precision", "recall"),
        [
            (
                each["category"],
                *(str(each[key]) for key in ("gold", "predicted", "hits")),
                f"{each['precision']:.2f}",
                f"{each['recall']:.2f}",
            )
            for each in read["categories"]
        ],
    )


def oracle(read: Figures) -> str:
    """The table of the oracle protocol."""
    rows: list[Sequence[str]] = [
        (
            each["category"],
            str(each["asked"]),
            f"{each['recall']:.3f}",
            f"{each['false_fire_rate']:.3f}",
            f"{(each['recall'] + 1 - each['false_fire_rate']) / 2:.3f}",
        )
        for each in read["categories"]
    ]
    told = read["together"]
    figures = (f"**{told[key]:.3f}**" for key in ("recall", "false_fire_rate", "balanced_accuracy"))
    rows.append(("**together**", str(told["asked"]), *figures))
    return grid(("category", "asked", "recall", "false-fire rate", "balanced accuracy"), rows)


def whowhen(read: Figures) -> Iterable[str]:
    """A table a subset, and how well confidences fit what happened."""
    for subset, systems in read["figures"].items():
        rows = [
            (
                name,
                f"{each['agent']['value']:.3f} {_range(each['agent'])}",
                f"{each['step']['value']:.3f} {_range(each['step'])}",
                *(f"{each['within'][str(size)]:.3f}" for size in range(1, 6)),
                f"{each['lenient_agent']:.3f} / {each['lenient_step']:.3f}",
            )
            for name, each in systems.items()
        ]
        yield f"### {subset}, {next(iter(systems.values()))['cases']} cases"
        yield grid(("", "agent", "step", "±1", "±2", "±3", "±4", "±5", "lenient agent / step"), rows)
    yield from _trusted(read)


def _trusted(read: Figures) -> Iterable[str]:
    if read["confidence"]:
        rows = [
            (f"{each['stated']:.2f}", f"{each['right']:.2f}", str(each["cases"]))
            for each in read["confidence"]
        ]
        yield "### Confidence of the step, cross-validated"
        yield grid(("stated", "right", "answers"), rows)


def healthy(read: Figures) -> Iterable[str]:
    """False alarms by source and by detector; detectors that never fired are named below."""
    levels, labels = ("low", "medium", "high"), ("right", "wrong")
    columns = ("", *(f"{level}, {label}" for level in levels for label in labels))

    def cells(each: Figures) -> list[str]:
        return [
            f"{each[level][f'{label}_fired']}/{each[level][f'{label}_runs']} ({each[level][f'{label}_share']:.1%})"
            for level in levels
            for label in labels
        ]

    fired = {
        name: each
        for name, each in read["detectors"].items()
        if each["low"]["right_fired"] or each["low"]["wrong_fired"]
    }
    yield grid(columns, [(name, *cells(each)) for name, each in read["runs"].items()])
    yield grid(columns, [(f"`{name}`", *cells(each)) for name, each in fired.items()])
    yield (
        "Silent on all of them: "
        + ", ".join(f"`{name}`" for name in read["detectors"] if name not in fired)
        + "."
    )


def injection(read: Figures) -> str:
    """The table of the groups."""
    rows = [
        (name, str(each["low"]["runs"]), *(_part(each[level]) for level in ("low", "high")))
        for name, each in read["groups"].items()
    ]
    return grid(("runs labelled", "runs", "any level", "high or above"), rows)


def confidence(read: Figures) -> Iterable[str]:
    """How well confidences fit what happened."""
    yield grid(
        ("confidence", "Brier score", "stated → right, by range"),
        [
            (
                name,
                f"{each['brier']:.3f}",
                ", ".join(f"{part['stated']:.2f} → {part['right']:.2f}" for part in each["bins"]),
            )
            for name, each in read["quality"].items()
        ],
    )
    yield (
        f"{read['issues']} issues were judged: "
        + ", ".join(f"{count} from {source}" for source, count in read["sources"].items())
        + "."
    )


def _range(each: Figures) -> str:
    return f"({each['low']:.2f}–{each['high']:.2f})"


def _part(each: Figures) -> str:
    return f"{each['fired']} ({each['share']:.1%}, {each['low']:.2f}–{each['high']:.2f})"
