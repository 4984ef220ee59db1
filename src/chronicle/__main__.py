"""The `chronicle` command."""

import os
import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError

from chronicle.errors import CannotStart
from chronicle.setting_sources import SettingsError

EXIT_CANNOT_START = 1
EXIT_SETTINGS = 2

app = App(
    name="chronicle",
    help="Accounts and proof of record: sign-in, uploads, and a ledger that anyone can check.",
    # Asked only when it is wanted; cyclopts' own guess fails under `python -m chronicle`.
    version=lambda: version("chronicle"),
)
keys = App(name="keys", help="Make, list and rotate the keys that seal and sign.")
app.command(keys)
admin = App(name="admin", help="What an operator does to a running Chronicle.")
app.command(admin)
blocklist = App(name="blocklist", help="Addresses and networks that get no answer but no.")
admin.command(blocklist)
clock = App(name="clock", help="The highest time that was seen here; see docs/security.md.")
admin.command(clock)

# Commands are named, not imported: `chronicle verify` loads no server and needs no settings.
for _parent, _name, _target, _help in (
    (app, "serve", "serve:serve", "Serve until SIGTERM or Ctrl-C."),
    (app, "migrate", "migrate:migrate", "Bring the database up to date."),
    (app, "check-settings", "check_settings:check_settings", "Print each setting and its source."),
    (app, "verify", "verify:verify", "Check a proof without any server."),
    (keys, "init", "keys:init", "Make a new key file."),
    (keys, "list", "keys:list_keys", "List the keys, without their secrets."),
    (keys, "rotate", "keys:rotate", "Let a new key take over, after a while."),
    (keys, "remove", "keys:remove", "Take out a key that nothing needs any more."),
    (blocklist, "add", "blocklist:add", "Block an address or a network."),
    (blocklist, "list", "blocklist:list_blocks", "List what is blocked."),
    (blocklist, "remove", "blocklist:remove", "Let a network in again."),
    (clock, "accept", "clock:accept", "Take the machine's clock as it is now."),
):
    _parent.command(f"chronicle.cli.{_target}", name=_name, help=_help)


def main() -> None:
    """Run the command that was typed; say in words why it can't."""
    try:
        app(exit_on_error=False)
    except CycloptsError:
        # Not 1 or 2, with which `verify` says that a proof is false or a key not trusted.
        sys.exit(os.EX_USAGE)
    except SettingsError as error:
        lines = "\n".join(f"  - {problem}" for problem in error.problems)
        print(f"These settings can't be used:\n{lines}", file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_SETTINGS)
    except CannotStart as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(EXIT_CANNOT_START)


if __name__ == "__main__":
    main()
