"""The append-only log: entries, tree, checkpoints, proofs, and how they are checked."""
