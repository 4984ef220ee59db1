"""The console's own modules under Node: what they compute, against the server's code."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.console.proofs import write_proofs

HERE = Path(__file__).parent
LEAST_NODE = 20


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < LEAST_NODE:
        pytest.skip(f"needs node {LEAST_NODE} or newer, found {version.strip()}")
    return node


@pytest.mark.wider
@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_the_modules_of_the_console_hold_under_node(name: str, tmp_path: Path) -> None:
    proofs = tmp_path / "proofs.json"
    write_proofs(proofs)
    done = subprocess.run(
        [_node(), "--test", "--test-reporter=tap", str(HERE / name)],
        env=os.environ | {"CHRONICLE_PROOFS": str(proofs)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "# skipped 0" in done.stdout
