"""The book: its figures, the execution of its chapters, and the build of its pages."""
