"""The figures of the chapters: each function draws one from a result and returns it."""
