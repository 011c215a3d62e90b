"""What a site has beside its pages: for web servers, search engines, and readers who take it along."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import yaml

from graphon_lib.book.paths import ROOT

__all__ = ["ARCHIVE", "PDF", "configuration", "offer_downloads", "publication", "write_site_files"]

ARCHIVE = "graphon-limit.tar.gz"
"""The whole checkout among the downloads."""

PDF = "graphon-limit.pdf"
"""The printed book among the downloads."""


@cache
def configuration() -> dict[str, Any]:
    """Return what ``_config.yml`` says."""
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


def publication() -> dict[str, Any]:
    """Return who publishes the book, where and when, as ``_config.yml`` says; much may be empty."""
    return configuration()["sphinx"]["config"]["publication"]


def write_site_files(site: Path) -> None:
    """Write what servers and search engines look for; a site map only where there is an address."""
    address = publication()["address"]
    robots = "User-agent: *\nAllow: /\n"
    (site / ".nojekyll").touch()
    (site / "sitemap.xml").unlink(missing_ok=True)
    if address:
        robots += f"Sitemap: {address}sitemap.xml\n"
        pages = (
            path.relative_to(site).as_posix() for path in sorted(site.glob("chapters/**/*.html"))
        )
        urls = "".join(f"<url><loc>{escape(address + page)}</loc></url>\n" for page in pages)
        (site / "sitemap.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n',
            encoding="utf-8",
        )
    (site / "robots.txt").write_text(robots, encoding="ascii")


def write_archive(folder: Path) -> None:
    """Write the last commit of the whole checkout into `folder`.

    There is none outside a checkout, before its first commit, and where it is another user's.
    """
    archive, known = folder / ARCHIVE, folder / "commit"
    git = ["git", "-C", str(ROOT)]
    commit = ""
    if (ROOT / ".git").exists() and shutil.which("git"):
        head = [*git, "rev-parse", "--verify", "--quiet", "HEAD"]
        commit = subprocess.run(head, capture_output=True, text=True).stdout.strip()
    if not commit:
        archive.unlink(missing_ok=True)
        return
    if archive.exists() and known.exists() and known.read_text(encoding="ascii") == commit:
        return
    folder.mkdir(parents=True, exist_ok=True)
    prefix = f"--prefix={archive.name.partition('.')[0]}/"
    subprocess.run([*git, "archive", "-o", str(archive), prefix, commit], check=True)
    known.write_text(commit, encoding="ascii")


def offer_downloads(site: Path) -> None:
    """Bring the archive up to date, and list on the page for it what there is to download.

    The page says where feedback goes, too, if anywhere.
    """
    folder = site / "downloads"
    write_archive(folder)
    rows, sums = "", ""
    for name, what in ((ARCHIVE, "The whole checkout"), (PDF, "The book as one PDF")):
        if (path := folder / name).exists():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            size = f"{path.stat().st_size / 1e6:.1f} MB"
            sums += f"{digest}  {name}\n"
            rows += (
                f'<dt><a href="../downloads/{name}" download>{what}</a>, {size}</dt>'
                f"<dd>SHA-256 <code>{digest}</code></dd>"
            )
    if sums:
        (folder / "SHA256SUMS").write_text(sums, encoding="ascii")
    place = escape(str(publication()["feedback"]))
    page = site / "chapters" / "about.html"
    html = _fill(page.read_text(encoding="utf-8"), "list-of-downloads", rows and f"<dl>{rows}</dl>")
    html = _fill(
        html, "address-for-feedback", place and f'<p>Write to <a href="{place}">{place}</a>.</p>'
    )
    page.write_text(html, encoding="utf-8")


def _fill(html: str, name: str, content: str) -> str:
    """Replace what stands in the box of that name."""
    box = re.compile(rf'(<div id="{name}">).*?(</div>)', re.DOTALL)
    return box.sub(lambda found: f"{found[1]}{content}{found[2]}", html)
