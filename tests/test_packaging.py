"""The wheel and the source archive are built, and what is in them runs from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from pisama.version import __version__

PROJECT = Path(__file__).parent.parent


def test_the_wheel_is_built_and_runs_from_elsewhere_and_the_source_archive_beside_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", tmp_path], cwd=PROJECT, check=True)
    (wheel,), (archive,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    assert archive.name == f"pisama-{__version__}.tar.gz"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "installed")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pisama, pisama.cli; print(pisama.__file__); pisama.cli.main()",
            "formats",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
    )
    file, *formats = done.stdout.splitlines()
    assert Path(file) == tmp_path / "installed/pisama/__init__.py"
    assert any("openai-chat" in line for line in formats)
