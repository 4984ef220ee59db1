"""The `chronicle` command."""
