"""The picture of joint accuracy against pair precision. Needs matplotlib, the extra `benchmarks`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.data import DataMissingError
from benchmarks.trail.metrics import Figures


def draw(
    path: Path,
    points: Sequence[tuple[float, float, float]],
    ours: Figures,
    trivial: Mapping[str, Figures],
    how: str,
) -> None:
    """Write the curve as `path` with .png and with .svg: pair precision right, joint accuracy up; `how` goes into the title.

    Points are (pair precision, joint accuracy, predictions per trace). Raises `DataMissingError`
    when matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise DataMissingError('the picture needs matplotlib: pip install "pisama[benchmarks]"') from None
    mpl.rcParams["svg.hashsalt"] = "pisama"
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(
        [point[0] for point in points],
        [point[1] for point in points],
        color="#1f4e79", marker=".", label="pisama, by threshold",
    )  # fmt: skip
    axes.plot(
        ours.pair_precision.value, ours.joint_accuracy.value,
        color="#1f4e79", marker="D", linestyle="none",
        label=f"pisama, operating point ({ours.predictions_per_trace.value:.1f} predictions a trace)",
    )  # fmt: skip
    for marker, (name, each) in zip("os^v", trivial.items(), strict=False):
        axes.plot(
            each.pair_precision.value, each.joint_accuracy.value,
            color="#999999", marker=marker, linestyle="none",
            label=f"{name} ({each.predictions_per_trace.value:.1f})",
        )  # fmt: skip
    axes.set(
        xlabel="pair precision: share of predicted (span, category) pairs that are annotated",
        ylabel="joint accuracy: share of annotated pairs predicted",
        title=f"TRAIL, blind, {how}, {ours.traces} traces",
        xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path.with_suffix(".png"), dpi=150, metadata={"Software": None})
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
