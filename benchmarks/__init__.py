"""Made-up data at any size, and what this API and others answer over it in a second."""
