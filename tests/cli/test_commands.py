import os
import subprocess
import sys
from pathlib import Path

import pytest


def chronicle(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, with nothing of ours in its environment but these."""
    inherited = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "chronicle", *arguments],
        cwd=folder,
        env=inherited | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_settings_prints_each_setting_and_its_source(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHRONICLE_HOST=::1\n")
    ran = chronicle("check-settings", folder=tmp_path, CHRONICLE_PORT="8123")
    rows = {line.split()[0]: line.split()[1:] for line in ran.stdout.splitlines()}
    assert ran.returncode == 0
    assert rows["CHRONICLE_PORT"] == ["8123", "environment"]
    assert rows["CHRONICLE_HOST"] == ["::1", ".env"]
    assert rows["CHRONICLE_DRAIN_SECONDS"] == ["10", "default"]


def test_check_settings_hides_secrets(tmp_path: Path) -> None:
    ran = chronicle(
        "check-settings", folder=tmp_path, CHRONICLE_VALKEY_URL="redis://user:canary@localhost:1/0"
    )
    assert "redis://***@localhost:1/0" in ran.stdout
    assert "canary" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("command", ["check-settings", "serve"])
def test_wrong_settings_are_all_listed_and_nothing_starts(tmp_path: Path, command: str) -> None:
    ran = chronicle(command, folder=tmp_path, CHRONICLE_PORT="x", CHRONICLE_ENV="production")
    assert ran.returncode == 2
    assert ran.stdout == ""
    for name in ("PORT", "BASE_URL", "KEYS_FILE", "MAILER"):
        assert f"  - CHRONICLE_{name}: " in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_keys_are_made_once_and_listed_without_their_secrets(tmp_path: Path) -> None:
    made = chronicle("keys", "init", "--file", "keys.json", folder=tmp_path)
    content = (tmp_path / "keys.json").read_text()
    again = chronicle("keys", "init", "--file", "keys.json", folder=tmp_path)
    listed = chronicle("keys", "list", "--file", "keys.json", folder=tmp_path)
    assert (made.returncode, again.returncode, listed.returncode) == (0, 1, 0)
    assert "nothing was changed" in again.stderr
    assert (tmp_path / "keys.json").read_text() == content
    secrets = [line.split('"')[3] for line in content.splitlines() if '"secret"' in line]
    assert len(secrets) == 6
    assert not any(secret in made.stdout + listed.stdout for secret in secrets)
    assert "  ledger   active   localhost:8000/api/web3/log+" in listed.stdout


def test_keys_init_without_a_file_uses_the_setting(tmp_path: Path) -> None:
    chronicle("keys", "init", folder=tmp_path, CHRONICLE_KEYS_FILE=str(tmp_path / "a" / "k.json"))
    assert (tmp_path / "a" / "k.json").stat().st_mode & 0o777 == 0o600


def test_keys_that_others_can_read_are_not_listed(tmp_path: Path) -> None:
    chronicle("keys", "init", "--file", "keys.json", folder=tmp_path)
    (tmp_path / "keys.json").chmod(0o644)
    ran = chronicle("keys", "list", "--file", "keys.json", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "chmod 600" in ran.stderr


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    ran = chronicle("--version", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, "0.1.0\n")


@pytest.mark.parametrize("arguments", [["no-such-command"], ["serve", "--no-such-option"]])
def test_wrong_usage_exits_with_neither_of_the_verdicts_of_verify(
    tmp_path: Path, arguments: list[str]
) -> None:
    assert chronicle(*arguments, folder=tmp_path).returncode == os.EX_USAGE


def test_verifying_loads_no_server_and_no_driver(tmp_path: Path) -> None:
    code = (
        "import sys, chronicle.__main__, chronicle.cli.verify;"
        "print([name for name in ('starlette', 'uvicorn', 'redis', 'sqlite3')"
        " if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_machines_clock_is_accepted_after_one_that_was_wrong(tmp_path: Path) -> None:
    accepted = chronicle("admin", "clock", "accept", folder=tmp_path)
    again = chronicle("admin", "clock", "accept", folder=tmp_path)
    assert (accepted.returncode, again.returncode) == (0, 0)
    assert "noted before was nothing" in accepted.stdout
    assert "noted before was 2" in again.stdout
