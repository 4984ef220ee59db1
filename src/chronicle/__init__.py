"""Chronicle: accounts, and a ledger of what they did that anyone can check."""
