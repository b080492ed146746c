"""The same issues from a Ray cluster on this machine, also when one of its workers is killed in mid-run."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.scale.made import deadly, environment, failing_line, line, pisama

pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
parquet = import_module("pyarrow.parquet")
if find_spec("ray") is None:
    pytest.skip("the extra ray is not installed", allow_module_level=True)

PROGRAM = """
import sys
import ray
from pisama.config import Config
from pisama.scale.ray import analyze_dataset

# Ray divides for clusters: two hundred parts, each a task of its own.
ray.data.DataContext.get_current().default_hash_shuffle_parallelism = 4
ray.init(num_cpus=2, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
config = Config(select=frozenset({"loop", "hallucination"}), plugins=False)
runs = ray.data.read_parquet(sys.argv[1])
analyze_dataset(runs, config=config).write_parquet(sys.argv[2])
spans = ray.data.read_parquet(sys.argv[3])
analyze_dataset(spans, config=config, table="traces", group_by="context.trace_id").write_parquet(sys.argv[4])
"""


@pytest.mark.slow
def test_a_cluster_finds_the_same_though_a_worker_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        tasks = ("ONCE" if (number, run) == (1, 7) else f"Task {number}.{run}" for run in range(10))
        content = "".join(line(run, task) for run, task in enumerate(tasks))
        # Larger files are tasks of their own.
        (folder / f"{number}.jsonl").write_text(content + failing_line(10) + line(11, "Long", 4_000_000))
    (folder / "bad.json").write_text("{ not json")
    common = ("analyze", folder, "-f", "parquet", "--select", "deadly,loop,hallucination", "-o")
    installed = deadly(tmp_path)
    killed = tmp_path / "killed"
    local = pisama(*common, tmp_path / "local", installed=installed)
    cluster = pisama(*common, tmp_path / "ray", "--engine", "ray", installed=installed, ONCE=str(killed))
    assert killed.exists(), cluster.stderr
    assert cluster.returncode == local.returncode == 3
    assert cluster.stderr == local.stderr.replace(str(tmp_path / "local"), str(tmp_path / "ray"))
    for table in ("traces", "issues", "errors"):
        name = f"{table}/part-00000.parquet"
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


@pytest.mark.slow
def test_a_dataset_of_runs_becomes_a_dataset_of_issues(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for part in range(2):
        runs = [json.loads(failing_line(part * 5 + number)) for number in range(5)]
        rows = {"id": [run["id"] for run in runs], "messages": [json.dumps(run["messages"]) for run in runs]}
        parquet.write_table(pyarrow.table(rows), tmp_path / "runs" / f"{part}.parquet")
    (tmp_path / "spans").mkdir()
    spans = [
        {
            "context.trace_id": f"{trace:032x}",
            "context.span_id": f"{trace * 100 + place:016x}",
            "parent_id": None,
            "name": "answer",
            "span_kind": "LLM",
            "start_time": f"2026-01-01T00:00:0{place}+00:00",
            "end_time": f"2026-01-01T00:00:0{place}+00:00",
            "attributes.output.value": f"Answer {place}.",
        }
        for place in range(3)
        for trace in range(1, 5)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(spans), tmp_path / "spans" / "0.parquet")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    places = [str(tmp_path / name) for name in ("runs", "issues", "spans", "traces")]
    subprocess.run(
        [sys.executable, program, *places],
        env=environment(RAY_USAGE_STATS_ENABLED="0"),
        check=True,
        capture_output=True,
    )

    def rows_of(folder: str) -> list[dict[str, object]]:
        files = sorted((tmp_path / folder).glob("**/*.parquet"))
        return [row for file in files for row in parquet.ParquetFile(file).read().to_pylist()]

    out = tmp_path / "local"
    pisama(
        "analyze",
        tmp_path / "runs",
        "-f",
        "parquet",
        "-o",
        out,
        "--select",
        "loop,hallucination",
        "--isolated",
    )
    # A record of a dataset does not know which file it came from.
    fields = ("trace", "type", "signal", "summary", "step", "evidence", "fingerprint")

    def told(rows: list[dict[str, object]]) -> list[str]:
        return sorted(str([row[field] for field in fields]) for row in rows)

    issues = rows_of("issues")
    assert len(issues) >= 10
    assert told(issues) == told(rows_of("local/issues"))
    assert sorted((str(row["trace"]), row["steps"]) for row in rows_of("traces")) == [
        (f"{trace:032x}", 3) for trace in range(1, 5)
    ]


def test_where_no_cluster_answers_one_line_says_so(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text(failing_line(1) * 2)
    done = pisama("analyze", file, "-f", "jsonl", "--engine", "ray", "--address", "nonsense:x")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("pisama: no Ray cluster at nonsense:x: ")
