"""mteb's result files: read at every age (`importing`), and written so that mteb loads them (`exporting`)."""
