"""What Chronicle costs, measured beside its peers; docs/benchmarks.md says how to read it."""
