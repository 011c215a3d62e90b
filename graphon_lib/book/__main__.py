"""Command line of the book: ``python -m graphon_lib.book build | execute | outputs | pdf``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from subprocess import CalledProcessError

from graphon_lib.book.paths import BUILD, CHAPTERS, ROOT, SITE
from graphon_lib.book.progress import say, step
from graphon_lib.book.publication import PDF, offer_downloads
from graphon_lib.book.stamp import site_is_current

INDEX = SITE / "index.html"


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the process's exit code: 0 unless something failed."""
    parser = argparse.ArgumentParser(prog="python -m graphon_lib.book", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="execute what changed and build the site")
    commands.add_parser("outputs", help="write freshly executed outputs back into chapters/")
    commands.add_parser("pdf", help="print the built book into one PDF")
    execute = commands.add_parser("execute", help="execute one chapter with other parameters")
    execute.add_argument("chapter", help="a chapter's name, for example 01-pruning")
    execute.add_argument(
        "-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    options = parser.parse_args(arguments)
    try:
        if options.command == "build" and site_is_current():
            done = f"Nothing changed; the book is at {INDEX.relative_to(ROOT)}"
        else:
            done = _run(options)
        if options.command in ("build", "pdf"):
            offer_downloads(SITE)
        say(done)
    except (ValueError, OSError, RuntimeError, CalledProcessError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; what is done stays done", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> str:
    """Do what a command asks for, and return what is said of it."""
    # These take longer to import than it takes to see that nothing changed.
    import yaml

    from graphon_lib.book.build import build_site
    from graphon_lib.book.execute import execute_chapter, write_outputs
    from graphon_lib.book.printed import print_book

    match options.command:
        case "build":
            build_site()
            return f"The book is at {INDEX.relative_to(ROOT)}"
        case "pdf":
            with step("Printing the book"):
                print_book()
            return f"The PDF is at {(SITE / 'downloads' / PDF).relative_to(ROOT)}"
        case "outputs":
            changed = write_outputs()
            names = ", ".join(path.stem for path in changed)
            return f"{len(changed)} chapters have new outputs{': ' * bool(names)}{names}"
    source = CHAPTERS / f"{Path(options.chapter).stem}.ipynb"
    parameters = {name: yaml.safe_load(value) for name, value in options.parameter}
    destination = BUILD / "runs" / source.name
    execute_chapter(source, destination, parameters, progress_bar=True)
    return f"Executed to {destination.relative_to(ROOT)}"


if __name__ == "__main__":
    sys.exit(main())
