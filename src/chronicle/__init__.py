"""Chronicle: accounts, and a ledger of what they did that anyone can check."""

from importlib.metadata import version

__version__ = version("chronicle")
