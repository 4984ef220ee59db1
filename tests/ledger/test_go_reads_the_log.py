"""The log as code that we did not write sees it: golang.org/x/mod/sumdb."""

import shutil
import subprocess
from pathlib import Path

import pytest

from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.ledger.notes import Signer
from chronicle.ledger.sequencer import Sequencer
from tests.fakes.ledger import NOW, SIGNER, World, make_entry

pytestmark = pytest.mark.wider

SOURCE = Path(__file__).parent / "go"


@pytest.fixture(scope="module")
def checklog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built from its pinned modules."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs Go: install it to check the log with golang.org/x/mod/sumdb")
    program = tmp_path_factory.mktemp("go") / "checklog"
    build = [go, "build", "-mod=readonly", "-o", str(program), "."]
    built = subprocess.run(
        build, cwd=SOURCE, capture_output=True, text=True, timeout=300, check=False
    )
    assert built.returncode == 0, built.stderr
    return program


async def written(folder: Path, *batches: int) -> World:
    world = World()
    sequencer = Sequencer(
        store=FolderTiles(folder),
        checkpoints=world.checkpoints,
        sources=world.sources,
        signer=SIGNER,
        clock=lambda: NOW,
    )
    for count in batches:
        world.add(count)
        await sequencer.append_batch()
    return world


def run(
    checklog: Path, folder: Path, index: int, entry: bytes, key: str = SIGNER.verifier_key
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checklog), str(folder), key, str(index), entry.hex()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("batches", [(1,), (255, 1), (200, 100, 400), (1000,)])
async def test_go_verifies_checkpoint_tiles_entries_and_proofs(
    checklog: Path, tmp_path: Path, batches: tuple[int, ...]
):
    await written(tmp_path, *batches)
    size = sum(batches)
    for index in {0, size // 2, size - 1}:
        checked = run(checklog, tmp_path, index, make_entry(index))
        assert checked.returncode == 0, checked.stderr
        assert f"size {size} " in checked.stdout


async def test_go_refuses_what_is_not_so(checklog: Path, tmp_path: Path):
    await written(tmp_path, 300)
    assert run(checklog, tmp_path, 7, make_entry(8)).returncode == 1
    stranger = Signer(SIGNER.name, b"x" * 32).verifier_key
    assert run(checklog, tmp_path, 7, make_entry(7), key=stranger).returncode == 1
    bundle = tmp_path / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
    assert "does not hash" in run(checklog, tmp_path, 7, make_entry(7)).stderr
