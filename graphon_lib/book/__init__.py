"""The book: its figures, the execution of its chapters, and the build of its pages.

From stored results to a site: figures that draw them, explorers that a reader moves, and what turns
notebooks into pages that need no other host.
"""
