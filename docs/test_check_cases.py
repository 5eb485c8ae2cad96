#!/usr/bin/env python3
"""Tests of the check of docs/cases.md."""

import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

sys.dont_write_bytecode = True
LOADER = SourceFileLoader("check_cases", str(Path(__file__).resolve().parent / "check_cases"))
check = module_from_spec(spec_from_loader("check_cases", LOADER))
LOADER.exec_module(check)

SOLIDITY = "contract T {\n    function test_pays() external {}\n    function _step() private {}\n}\n"
RUST = (
    "#[test]\nfn it_holds() {}\n\n#[tokio::test(flavor = \"multi_thread\")]\n/// Why.\n#[expect(x)]\nasync fn it_waits() {}\n"
    "proptest! {\n    #[test]\n    fn any_value(\n        a: u8,\n    ) {}\n}\nfn a_step() {}\n"
)
SCENARIO = 'Scenario {\n    name: "leader kill, twice",\n    shows: "It.",\n}\n'


class Names(unittest.TestCase):
    def test_only_tests_count_and_not_their_steps(self):
        self.assertEqual(check.tests_of("a.t.sol", SOLIDITY), {"test_pays"})
        self.assertEqual(check.tests_of("a.rs", RUST), {"it_holds", "it_waits", "any_value"})
        self.assertEqual(check.tests_of("devnet/src/scenarios/a.rs", SCENARIO), {"leader kill, twice"})


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for path, text in {"a.t.sol": SOLIDITY, "a.rs": RUST, "devnet/src/scenarios/a.rs": SCENARIO}.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def judged(self, *cells):
        return check.problems(self.root, "\n".join(["| case | tests |", "|---|---|", *(f"| it | {cell} |" for cell in cells)]))

    def test_tests_that_exist_and_cases_that_say_why_they_have_none_pass(self):
        both = "`a.t.sol: test_pays`, `a.rs: it_waits`"
        scenario = "`devnet/src/scenarios/a.rs: leader kill, twice`"
        self.assertEqual(self.judged(both, scenario, "None: it comes later."), ([], 2, 1))

    def test_each_reference_that_leads_nowhere_is_told_with_its_line(self):
        found, _, _ = self.judged("`a.t.sol: test_pays`", "`a.t.sol: _step`, `gone.rs: it_holds`", "`it_holds`", "`a.rs: a_step`")
        self.assertEqual([fault.split(": ")[0] for fault in found], [f"docs/cases.md:{line}" for line in (4, 4, 5, 6)])
        self.assertIn("a.t.sol has no test or scenario called _step", found[0])
        self.assertIn("there is no file gone.rs", found[1])
        self.assertIn("not of the form", found[2])

    def test_a_case_without_a_word_and_a_page_without_cases_fail(self):
        self.assertIn("name a test", self.judged("`a.t.sol: test_pays`", "")[0][0])
        self.assertIn("no case with a test", self.judged()[0][0])


if __name__ == "__main__":
    unittest.main()
