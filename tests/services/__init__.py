"""Real programs that tests run against, each started for the tests and gone after them."""
