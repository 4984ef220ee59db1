"""How people prove who they are, and the sessions they get for it."""
