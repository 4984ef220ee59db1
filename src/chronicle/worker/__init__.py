"""Runs the domains' jobs in the background; holds no logic of its own."""
