#!/usr/bin/env python3
"""Checks that links and cited headings exist and that nothing cites notes a reader does not have."""

import argparse
import pathlib
import re
import subprocess
import sys
import urllib.parse

GAP = r"[\s/#*]+"  # between two words of a comment, which may be wrapped there
NOTES = re.compile(
    rf"reference{GAP}S\d|\bS\d,?{GAP}sections?{GAP}\d|[\w-]+\.md,{GAP}sections?{GAP}\d", re.IGNORECASE
)
CITED = re.compile(rf'docs/([\w-]+\.md),{GAP}\\?"([^"\\]+)\\?"')
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^()\s<>]+)>?\)")


def texts_of(root):
    """Path and content of every text file that git knows or would take."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().split("\0")
    for name in sorted(filter(None, set(names))):
        path = root / name
        content = path.read_bytes() if path.is_file() else b"\0"
        if b"\0" not in content:
            yield pathlib.PurePosixPath(name), content.decode(errors="replace")


def blanked(pattern, text):
    """The text with what matches made blank, lines kept."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def headings_of(text):
    return HEADING.findall(blanked(FENCED, text))


def anchors_of(text):
    """Anchors of the headings as the usual hosts make them."""
    seen, anchors = {}, set()
    for heading in headings_of(text):
        plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().lower().replace(" ", "-")
        count = seen.get(plain, 0)
        seen[plain] = count + 1
        anchors.add(f"{plain}-{count}" if count else plain)
    return anchors


def errors_of_citations(path, text, texts):
    for match in NOTES.finditer(text):
        cited = re.sub(GAP, " ", match.group())
        yield match.start(), f"expected a heading of docs/ or a paper, got the notes '{cited}'"
    for match in CITED.finditer(text):
        document = pathlib.PurePosixPath("docs") / match.group(1)
        heading = re.sub(GAP, " ", match.group(2))
        if heading not in headings_of(texts.get(document, "")):
            yield match.start(), f"expected a heading '{heading}' in {document}, found none"


def errors_of_links(root, path, text, texts):
    prose = blanked(re.compile(r"`[^`\n]*`"), blanked(FENCED, text))
    for match in LINK.finditer(prose):
        link = urllib.parse.unquote(match.group(1))
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (root / path.parent / target).resolve() if target else root / path
        if not file.is_relative_to(root) or not file.exists():
            yield match.start(), f"expected a file of the checkout at {link}, found none"
            continue
        name = pathlib.PurePosixPath(file.relative_to(root).as_posix())
        if anchor and anchor not in anchors_of(texts.get(name, "")):
            yield match.start(), f"expected a heading for {link}, found none"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "root",
        nargs="?",
        type=pathlib.Path,
        default=pathlib.Path(__file__).resolve().parent.parent,
        help="the checkout (default: the one this script lies in)",
    )
    root = parser.parse_args().root.resolve()
    texts = dict(texts_of(root))
    if not texts:
        sys.exit(f"check_docs: expected files that git knows under {root}, found none")
    errors = []
    for path, text in texts.items():
        found = list(errors_of_citations(path, text, texts))
        if path.suffix == ".md":
            found += errors_of_links(root, path, text, texts)
        errors += [f"{path}:{text.count(chr(10), 0, at) + 1}: {what}" for at, what in sorted(found)]
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        sys.exit(1)
    print(f"check_docs: links and cited headings of {len(texts)} files exist")


if __name__ == "__main__":
    main()
