"""MongoDB through PyMongo's asyncio API: every promise is kept by one document."""
