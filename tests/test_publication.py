"""What is published with the pages: files for servers, the checkout as an archive, metadata."""

import hashlib
import json
import os
import subprocess
import tarfile
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import yaml
from docutils.core import publish_doctree
from docutils.nodes import image
from rocrate.rocrate import ROCrate

from graphon_lib.book import crate, publication
from graphon_lib.book.crate import METADATA, write_crate
from graphon_lib.book.page_head import metadata
from graphon_lib.book.paths import RESULTS, ROOT, SITE
from graphon_lib.book.publication import ARCHIVE, PDF, offer_downloads, write_site_files

ADDRESS = "https://example.org/book/"
EMPTY = {"address": "", "authors": [], "publication_date": "", "doi": "", "feedback": ""}
ABOUT = '<p>a</p><div id="list-of-downloads">old</div><div id="address-for-feedback"></div>'


@pytest.fixture
def site(tmp_path):
    """A site of three pages."""
    (tmp_path / "site/chapters/api").mkdir(parents=True)
    for name in ("chapters/about", "chapters/01-one", "chapters/api/room"):
        (tmp_path / f"site/{name}.html").write_text(ABOUT)
    return tmp_path / "site"


def publish(monkeypatch, **known):
    """Let the configuration say this, and nothing else."""
    for module in (publication, crate):
        monkeypatch.setattr(module, "publication", lambda: EMPTY | known)


def test_one_place_says_who_publishes_the_book():
    known = publication.publication()
    assert set(known) == set(EMPTY)
    assert known["address"] == "" or known["address"].endswith("/")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert known["publication_date"] == citation["date-released"]
    assert known["doi"] == citation.get("doi", "")


def test_a_site_map_needs_an_address(site, monkeypatch):
    publish(monkeypatch, address=ADDRESS)
    write_site_files(site)
    urls = ElementTree.parse(site / "sitemap.xml").getroot()
    assert [url[0].text for url in urls] == [
        f"{ADDRESS}chapters/{name}.html" for name in ("01-one", "about", "api/room")
    ]
    assert f"Sitemap: {ADDRESS}sitemap.xml" in (site / "robots.txt").read_text()
    publish(monkeypatch)
    write_site_files(site)
    assert not (site / "sitemap.xml").exists()
    assert (site / "robots.txt").read_text() == "User-agent: *\nAllow: /\n"
    assert (site / ".nojekyll").exists()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of a book with one file; return a function that commits a text."""
    root = tmp_path / "checkout"
    root.mkdir()
    monkeypatch.setattr(publication, "ROOT", root)
    # Whatever this machine's user has set, such as a signature below every commit.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    author = ("-c", "user.name=A Test", "-c", "user.email=test@example.org")

    def git(*command):
        subprocess.run(["git", "-C", root, *author, *command], check=True, capture_output=True)

    def commit(text):
        (root / "book.txt").write_text(text)
        git("add", ".")
        git("commit", "-m", "A text")

    git("init")
    return commit


def archived(site):
    """Return the text in the archive."""
    with tarfile.open(site / "downloads" / ARCHIVE) as archive:
        (name,) = (member.name for member in archive if member.isfile())
        assert name == "graphon-limit/book.txt"
        return archive.extractfile(name).read().decode()


def test_the_whole_checkout_is_offered_with_its_checksum(site, checkout, monkeypatch):
    publish(monkeypatch)
    for text in ("first", "second"):
        checkout(text)
        offer_downloads(site)
        assert archived(site) == text
        digest = hashlib.sha256((site / "downloads" / ARCHIVE).read_bytes()).hexdigest()
        page = (site / "chapters/about.html").read_text()
        assert page.count("<dt>") == 1
        assert f'<a href="../downloads/{ARCHIVE}" download>' in page
        assert f"<code>{digest}</code>" in page
        assert (site / "downloads/SHA256SUMS").read_text() == f"{digest}  {ARCHIVE}\n"
    (site / "downloads" / PDF).write_bytes(b"%PDF")
    offer_downloads(site)
    assert f'href="../downloads/{PDF}"' in (site / "chapters/about.html").read_text()


@pytest.mark.parametrize("owner", ["ours", "another user's"])
def test_a_checkout_that_has_no_commit_or_is_not_ours_is_not_offered(
    site, checkout, monkeypatch, owner
):
    if owner != "ours":
        checkout("text")
        # So that Git takes every checkout for one of another user.
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    publish(monkeypatch)
    offer_downloads(site)
    assert not (site / "downloads" / ARCHIVE).exists()


def test_outside_a_checkout_no_archive_is_offered(site, monkeypatch, tmp_path):
    monkeypatch.setattr(publication, "ROOT", tmp_path)
    publish(monkeypatch, feedback="https://example.org/issues")
    (site / "downloads").mkdir()
    (site / "downloads" / ARCHIVE).write_text("of a checkout that was there before")
    offer_downloads(site)
    page = (site / "chapters/about.html").read_text()
    assert '<div id="list-of-downloads"></div>' in page
    assert '<a href="https://example.org/issues">' in page
    assert not (site / "downloads" / ARCHIVE).exists()


def test_the_crate_holds_every_result_with_its_own_attributes(tmp_path, monkeypatch):
    publish(monkeypatch, publication_date="2026-01-02", authors=["Doe, Jane"], doi="10.1/2")
    write_crate(tmp_path)
    read = ROCrate(tmp_path)
    files = {entity.id: entity for entity in read.data_entities}
    assert set(files) == {path.name for path in RESULTS.glob("*.nc")}
    for name, entity in files.items():
        content = (tmp_path / name).read_bytes()
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
        run = read.get(f"#run-{name.removesuffix('.nc')}")
        assert run["result"].id == name
        known = {value["name"]: value["value"] for value in run["object"]}
        assert {"seed", "parameters", "code_sha256", "versions"} <= set(known)
        assert json.loads(known["parameters"])
    root = read.root_dataset
    assert [author["name"] for author in root["author"]] == ["Doe, Jane"]
    assert root["identifier"] == "10.1/2"


def test_the_crate_invents_no_author(tmp_path, monkeypatch):
    publish(monkeypatch)
    monkeypatch.setattr(crate, "RESULTS", tmp_path / "no-results")
    write_crate(tmp_path)
    text = (tmp_path / METADATA).read_text()
    assert "Person" not in text
    assert "datePublished" not in text
    assert '"identifier"' not in text


def head(known, **context):
    """Return the metadata of a page with a title, a paragraph and a picture."""
    doctree = publish_doctree("A title\n=======\n\n*A question?* An answer.\n\nMore.")
    doctree += image(uri="../_images/name.png", alt="A picture")
    app = SimpleNamespace(
        config=SimpleNamespace(
            publication=EMPTY | known,
            html_baseurl=known.get("address", ""),
            html_title="A book",
            language="en",
        ),
        env=SimpleNamespace(images={"a/picture.png": ({"chapters/one"}, "name.png")}),
    )
    context = {"title": "1. A <em>title</em> &amp; more", "content_root": "../"} | context
    return metadata(app, "chapters/one", context, doctree).splitlines()


def test_a_page_says_what_it_is():
    lines = head({})
    assert '<meta name="description" content="A question? An answer." />' in lines
    assert '<meta property="og:title" content="1. A title &amp; more" />' in lines
    assert '<meta property="og:image" content="../_images/name.png" />' in lines
    assert '<meta name="citation_inbook_title" content="A book" />' in lines
    missing = ("og:url", "citation_author", "citation_doi", "citation_p")
    assert not [line for line in lines if any(name in line for name in missing)]


def test_a_page_with_an_address_says_whose_and_where_it_is():
    known = {"address": ADDRESS, "authors": ["Doe, Jane", "Roe, Richard"], "doi": "10.1/2"}
    lines = head(known, pageurl=f"{ADDRESS}chapters/one.html")
    assert f'<meta property="og:image" content="{ADDRESS}_images/name.png" />' in lines
    assert f'<meta property="og:url" content="{ADDRESS}chapters/one.html" />' in lines
    assert '<meta name="citation_author" content="Roe, Richard" />' in lines
    assert '<meta name="citation_doi" content="10.1/2" />' in lines


@pytest.mark.browser
def test_every_built_page_has_a_head_of_its_own():
    pages = [*SITE.glob("*.html"), *SITE.glob("chapters/**/*.html")]
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.lstrip().startswith("<!DOCTYPE html>"), page
        assert text.count("<title>") == 1, page
        assert text.count('name="viewport"') == 1, page
        if page.name != "404.html":
            for name in ("description", "og:title", "og:image", "citation_title"):
                assert text.count(f'="{name}" content="') == 1, (page, name)
        canonical = bool(publication.publication()["address"])
        assert text.count('rel="canonical"') == canonical, page


@pytest.mark.browser
def test_the_root_leads_into_the_book_and_a_wrong_address_does_too(browser, address):
    from pages import as_new

    with as_new(browser) as page:
        page.goto(f"{address}/index.html")
        page.wait_for_url("**/chapters/index.html")
        page.goto(f"{address}/404.html")
        page.get_by_role("link").first.click()
        page.wait_for_url("**/chapters/index.html")
