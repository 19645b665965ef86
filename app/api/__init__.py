"""The routes: one file a resource, with its parameters, its query and its paths."""
