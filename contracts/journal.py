"""What a long run found before it was ended, so that the next one goes on from there."""

import json
import re

# A comment, or a string, in which nothing is one.
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


class Journal:
    """{name: value} in a file of one line each, of which only those count that were written for the same key. A name that is a
    list is read as a tuple."""

    def __init__(self, path, key, afresh=False):
        self.path, self.key, self.known = path, key, {}
        if afresh:
            path.unlink(missing_ok=True)
        if path.exists():
            for written_for, name, value in map(json.loads, path.read_text().splitlines()):
                if written_for == key:
                    self.known[tuple(name) if isinstance(name, list) else name] = value

    def write(self, name, value):
        self.known[name] = value
        with self.path.open("a") as file:
            file.write(json.dumps([self.key, name, value]) + "\n")


def code_of(source):
    """The code of a Solidity source: what is known of it stays when only comments or empty lines change."""
    bare = COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else "", source)
    return "\n".join(line.rstrip() for line in bare.split("\n") if line.strip())
