"""`chronicle serve`: the server."""

from chronicle import settings


def serve() -> None:
    """Serve until SIGTERM or Ctrl-C, then let the requests in hand finish.

    Settings come from CHRONICLE_* in the environment and in .env of the working folder.
    """
    chosen = settings.load_here()
    # Only now: wrong settings are reported without loading the server.
    from chronicle import wiring  # noqa: PLC0415

    wiring.run(chosen)
