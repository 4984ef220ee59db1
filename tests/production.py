"""A server as it runs in production, but for mail: that goes to a provider that tests script."""

import subprocess
import sys
from pathlib import Path

from tests.running_server import RunningServer
from tests.scripted_brevo import API_KEY


def production_server(
    folder: Path, *, base_url: str, brevo_port: int, **more: str
) -> RunningServer:
    """With keys of its own, and none of the shortcuts that tests take elsewhere."""
    keys = folder / "keys.json"
    subprocess.run(
        [sys.executable, "-m", "chronicle", "keys", "init", "--file", str(keys)],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    return RunningServer(
        folder,
        CHRONICLE_ENV="production",
        CHRONICLE_BASE_URL=base_url,
        CHRONICLE_KEYS_FILE=str(keys),
        CHRONICLE_MAILER="brevo",
        CHRONICLE_BREVO_API_KEY=API_KEY,
        CHRONICLE_BREVO_URL=f"http://127.0.0.1:{brevo_port}",
        CHRONICLE_LIMIT_SCALE="",
        CHRONICLE_ARGON2_MEMORY_KIB="",
        CHRONICLE_ARGON2_TIME_COST="",
        **more,
    )
