"""How long the "this wasn't me" link of a notice works."""

from datetime import timedelta

REPORT_LIFETIME = timedelta(hours=72)
