"""Which passwords data breaches have shown."""
