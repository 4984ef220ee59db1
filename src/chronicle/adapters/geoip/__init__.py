"""Where addresses are, by what the operator brings."""
