"""How the threads beside the event loop share a processor with it."""

import os
import sys
import threading


def wait_for_others() -> None:
    """Let this thread, when it is woken, wait until whoever runs stops by itself.

    A thread that the event loop wakes would otherwise take the processor from it at once, find the
    interpreter held, and go back to sleep: two switches for nothing, several times a request.
    Only Linux can (SCHED_BATCH, sched(7)); where it is not let, it stays as it is.
    """
    if sys.platform == "linux":
        try:
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_BATCH, os.sched_param(0))
        except OSError:  # a sandbox, or a C library that does not pass it on
            return
