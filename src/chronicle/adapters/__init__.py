"""Everything that talks to the outside: this listing is the support matrix."""
