"""Keys, encryption and blind indexes."""
