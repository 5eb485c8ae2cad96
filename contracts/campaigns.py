"""The campaigns of the invariant tests: running them, and how often each action took effect.

forge counts every call that it tried; one that would have been in vain is discarded and one that reverts is nothing that has
happened, so neither counts here.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FORGE = HERE.parent / ".tools" / "bin" / "forge"
# Of each action, and of all of them together, in each invariant and `make test`.
LEAST = 200
LEAST_IN_ALL = 10_000
# The invariant of the smaller world with successors, whose runs are half as long.
SMALLER = {"value_is_conserved_with_successors": ("Succession.sol", 5_000)}
# One world that is asked about every invariant of it; `make test` leaves it out (foundry.toml), contracts/prolong runs it and the smaller one.
TOGETHER = HERE / "test" / "Together.t.sol"
INVARIANT = re.compile(r"^\[(?:PASS|FAIL).*?\binvariant_(\w+)\(\)")
# Contract, function, calls, reverts, discards.
ROW = re.compile(r"^\|\s*\w+\s*\|\s*(\w+)\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|")


def forge(*arguments, **how):
    """`forge` as a process, whose output is to be read."""
    if not FORGE.exists():
        sys.exit(f"contracts/{Path(sys.argv[0]).name}: forge is missing; run tools/fetch")
    return subprocess.Popen([FORGE, *arguments], stdout=subprocess.PIPE, text=True, **how)


def effective_calls(lines):
    """{invariant: {action: how often it took effect}} from what forge prints."""
    effective, current = {}, None
    for line in lines:
        if line.startswith("Failing tests:"):
            current = None
        if found := INVARIANT.match(line):
            current = effective.setdefault(found[1], {})
        elif (found := ROW.match(line)) and current is not None:
            calls, reverts, discards = map(int, found.groups()[1:])
            current[found[1]] = calls - reverts - discards
    return {name: actions for name, actions in effective.items() if actions}


def described(effective):
    lines = []
    for name, actions in effective.items():
        lines.append(f"\neffective calls of invariant_{name}: {sum(actions.values())}")
        lines += [f"  {action:<24}{count:>8}" for action, count in sorted(actions.items())]
    return "\n".join(lines)


def invariants(together=False):
    """Invariants that the tests have: all but the one that asks them all, or that one and those of the smaller world."""
    files = [path for path in (HERE / "test").rglob("*.t.sol") if (path == TOGETHER) == together]
    found = {name for path in files for name in re.findall(r"\bfunction invariant_(\w+)\(", path.read_text())}
    return found | set(SMALLER) if together else found


def actions(world="World.sol"):
    """What happens in a world: each of its invariants is asked after any of it."""
    return set(re.findall(r"\bfunction (\w+)\([^)]*\) external happens\(", (HERE / "test" / world).read_text()))


def too_few(effective, wanted, times=1):
    """What took effect less often than it has to in so many times the runs of `make test`, and what forge shows otherwise than
    the tests have it. `wanted`: the invariants that were to be asked."""
    short = [f"{name}: forge shows no campaign of this invariant" for name in sorted(wanted - effective.keys())]
    short += [f"{name}: the tests have no such invariant" for name in sorted(effective.keys() - wanted)]
    for name, counts in effective.items():
        world, least_in_all = SMALLER.get(name, ("World.sol", LEAST_IN_ALL))
        known = actions(world)
        short += [f"{name}: forge does not show the action {action}" for action in sorted(known - counts.keys())]
        short += [f"{name}: the world has no action {action}" for action in sorted(counts.keys() - known)]
        for action, count in sorted(counts.items()):
            if count < LEAST * times:
                short.append(f"{name}: {action} took effect {count} times, less than {LEAST * times}")
        if (total := sum(counts.values())) < least_in_all * times:
            short.append(f"{name}: {total} actions took effect, less than {least_in_all * times}")
    return short
