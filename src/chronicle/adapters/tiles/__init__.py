"""Where the ledger's tiles are kept."""
