"""Small faults in Solidity sources, made from the text of a line or a statement."""

import re
from dataclasses import dataclass

SWAPS = {
    " < ": [" <= "],
    " <= ": [" < "],
    " > ": [" >= "],
    " >= ": [" > "],
    " == ": [" != "],
    " != ": [" == "],
    " + ": [" - "],
    " - ": [" + "],
    " += ": [" -= "],
    " -= ": [" += "],
    " * ": [" / "],
    " / ": [" * "],
    " && ": [" || "],
    " || ": [" && "],
    " & ": [" | "],
    " |= ": [" &= "],
}
# A number that stands alone, neither part of a name nor of a type.
NUMBER = re.compile(r"(?<![\w.\"])(0x[0-9a-fA-F]+|\d[\d_]*)(?![\w.\"])")
# No code in these: nothing to get wrong, or nothing that a test could see.
PLAIN = re.compile(r"(import|pragma|using|error|event|struct|enum|type|library|interface|contract|abstract)\b|/\*|\*")
# `Type name = …` and `Type name;`: without it nothing compiles.
DECLARATION = re.compile(r"(\(?(uint\d*|int\d*|bytes\d*|bool|address|string|mapping|[A-Z]\w*)(\[\])?( (memory|storage|calldata))? \w+)")
MODIFIER = re.compile(r"^\s*modifier (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """Lines `first` to `last` (from 0, both included) of `file` replaced by one text."""

    file: str
    first: int
    last: int
    line: str
    becomes: str

    def apply(self, text):
        lines = text.split("\n")
        # As many lines as before, so that every other mutant still finds its place.
        lines[self.first : self.last + 1] = [self.becomes] + [""] * (self.last - self.first)
        return "\n".join(lines)


def code_of(line):
    """The line without its comment."""
    return line.split("//")[0].rstrip()


def mutants(file, text, modifiers):
    """Every mutant of a file, in its order."""
    lines = text.split("\n")
    found = []
    for at, raw in enumerate(lines):
        code = code_of(raw)
        stripped = code.strip()
        if not stripped or PLAIN.match(stripped):
            continue
        for becomes in dict.fromkeys([*swapped(code), *negated(code), *numbers(code), *unmodified(code, modifiers)]):
            found.append(Mutant(file, at, at, stripped, becomes.strip()))
        last = statement(lines, at)
        if last is not None and deletable(stripped):
            whole = " ".join(code_of(line).strip() for line in lines[at : last + 1]).strip()
            found.append(Mutant(file, at, last, whole, ""))
    return found


def swapped(code):
    for old, news in SWAPS.items():
        at = code.find(old)
        while at >= 0:
            for new in news:
                yield code[:at] + new + code[at + len(old) :]
            at = code.find(old, at + 1)
    for old, new in (("true", "false"), ("false", "true")):
        for match in re.finditer(rf"\b{old}\b", code):
            yield code[: match.start()] + new + code[match.end() :]
    # Not in the head of a loop, where it only costs the time limit.
    if not code.strip().startswith("for "):
        for old, new in (("++", "--"), ("--", "++")):
            at = code.find(old)
            if at >= 0:
                yield code[:at] + new + code[at + 2 :]


def negated(code):
    """The condition of an `if` that stands on one line, turned around."""
    start = code.find("if (")
    if start < 0:
        return
    start += len("if (")
    depth = 1
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            condition = code[start:at]
            # A single comparison is turned around by its operator already.
            if not re.fullmatch(r"[^&|]* [!=]= [^&|]*", condition):
                yield f"{code[:start]}!({condition}){code[at:]}"
            return


def numbers(code):
    for match in NUMBER.finditer(code):
        text = match.group(1)
        if text.startswith("0x"):
            # Addresses and selectors are not counted with.
            if len(text) > 6:
                continue
            more = hex(int(text, 16) + 1)
        else:
            more = str(int(text.replace("_", "")) + 1)
        yield code[: match.start()] + more + code[match.end() :]


def unmodified(code, modifiers):
    for name in modifiers:
        for match in re.finditer(rf"(^|\s){name}(?=\s|$|\{{)", code):
            if "modifier" not in code:
                yield code[: match.start()] + code[match.end() :]


def statement(lines, at):
    """The last line of the statement that begins at this line, or nothing when none does."""
    before = at - 1
    while before >= 0 and not code_of(lines[before]).strip():
        before -= 1
    if before >= 0 and not code_of(lines[before]).strip().endswith(("{", "}", ";")):
        return None
    for last in range(at, min(at + 20, len(lines))):
        code = code_of(lines[last]).strip()
        if code.endswith(";"):
            return last
        if code.endswith(("{", "}")) and not code.endswith("({"):
            return None
    return None


def deletable(code):
    if code.startswith(("return", "for ", "}", "_;", "function", "error", "event", "let ", "constructor", "modifier")):
        return False
    return not DECLARATION.match(code)


def modifiers_of(texts):
    return sorted({"nonReentrant", *(name for text in texts for name in MODIFIER.findall(text))})
