"""Files: their CIDs, their bytes, their place in the ledger."""
