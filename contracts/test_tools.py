#!/usr/bin/env python3
"""Tests of the scripts that judge the contracts' tests."""

import json
import re
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
from campaigns import SMALLER, actions, effective_calls, invariants, too_few  # noqa: E402
from journal import Journal, code_of  # noqa: E402
from mutators import mutants  # noqa: E402


def script(name):
    loader = SourceFileLoader(name, str(HERE / name))
    module = module_from_spec(spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def becomes(text, modifiers=()):
    return {(mutant.line, mutant.becomes) for mutant in mutants("src/A.sol", text, modifiers)}


class Coverage(unittest.TestCase):
    REPORT = "SF:src/A.sol\nDA:1,1\nDA:2,{}\nBRDA:1,0,0,1\nBRDA:1,0,1,{}\nend_of_record\nSF:test/B.sol\nDA:1,0\nend_of_record\n"

    def judged(self, *hits):
        coverage = script("coverage")
        return coverage.table(coverage.parsed(self.REPORT.format(*hits)))

    def test_all_run_suffices_whatever_the_tests_themselves_run(self):
        self.assertTrue(self.judged("3", "1")[1])

    def test_missed_line_and_missed_branch_fail_each_by_itself(self):
        self.assertFalse(self.judged("0", "1")[1])
        self.assertFalse(self.judged("1", "-")[1])

    def test_rows_say_where(self):
        rows = self.judged("0", "0")[0]
        self.assertIn("lines not run: 2", rows[0])
        self.assertIn("branches not taken in: 1", rows[0])
        self.assertTrue(rows[-1].startswith("total"))


class Mutators(unittest.TestCase):
    def test_condition_is_moved_turned_around_and_removed(self):
        line = "if (a >= b) revert Late(a);"
        expected = {"if (a > b) revert Late(a);", "if (!(a >= b)) revert Late(a);", ""}
        self.assertEqual(becomes(line), {(line, text) for text in expected})

    def test_operators_and_numbers_are_exchanged(self):
        found = {text for _, text in becomes("return a + 1 == b && c;")}
        self.assertEqual(
            found, {"return a - 1 == b && c;", "return a + 1 != b && c;", "return a + 1 == b || c;", "return a + 2 == b && c;"}
        )

    def test_names_and_types_hold_no_numbers(self):
        self.assertEqual(becomes("uint256 root0 = bytes32Of(x2);"), set())

    def test_modifier_is_removed_from_a_head(self):
        self.assertIn(("function f() external guarded {", "function f() external {"), becomes("function f() external guarded {", ["guarded"]))

    def test_statement_over_several_lines_is_removed_as_a_whole_and_keeps_the_line_count(self):
        text = "{\n    total = sum(\n        a,\n        b\n    );\n}"
        (whole,) = [mutant for mutant in mutants("src/A.sol", text, ()) if mutant.becomes == ""]
        self.assertEqual(whole.line, "total = sum( a, b );")
        self.assertEqual(whole.apply(text), "{\n\n\n\n\n}")

    def test_comments_declarations_and_imports_are_left_alone(self):
        for line in ("// a < b", "import {A} from 'b';", "uint64 epoch;", "event E(uint256 a);", "/// true"):
            self.assertEqual(becomes(line), set(), line)


class Remembered(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "journal.jsonl"

    def test_what_was_written_is_known_to_the_next_run(self):
        journal = Journal(self.path, "key")
        journal.write(1, [60, {"a": 2}])
        journal.write(("b", 3), "found")
        self.assertEqual(journal.known, {1: [60, {"a": 2}], ("b", 3): "found"})
        self.assertEqual(Journal(self.path, "key").known, journal.known)

    def test_nothing_is_known_for_another_key_or_when_asked_to_forget(self):
        Journal(self.path, "key").write(1, "found")
        self.assertEqual(Journal(self.path, "other").known, {})
        self.assertEqual(Journal(self.path, "key", afresh=True).known, {})
        self.assertEqual(Journal(self.path, "key").known, {})


class Code(unittest.TestCase):
    def test_comments_and_empty_lines_are_no_code(self):
        source = '// a\n\nerror A(); // b\n/* c\n d */\nstring constant U = "http://x"; /// e\n'
        self.assertEqual(code_of(source), 'error A();\nstring constant U = "http://x";')
        self.assertNotEqual(code_of("a = 1;"), code_of("a = 2;"))


class Documentation(unittest.TestCase):
    """What solc does not demand."""

    # Documentation, and the function up to its body.
    FUNCTION = re.compile(r"((?:^ *//[^\n]*\n)*)^ *function (\w+)\(([^{;]*)[{;]", re.MULTILINE)

    def test_every_return_value_of_a_public_function_is_described(self):
        missing = []
        for path in (HERE / "src").rglob("*.sol"):
            for text, name, head in self.FUNCTION.findall(path.read_text()):
                is_public = re.search(r"\b(external|public)\b", head)
                if is_public and re.search(r"\breturns\b", head) and not re.search(r"@return|@inheritdoc", text):
                    missing.append(f"{path.name}: {name}")
        self.assertEqual(missing, [])

    def test_whatever_is_deployed_names_a_security_contact(self):
        named = {path.stem: path.read_text() for path in (HERE / "src").rglob("*.sol")}
        export = script("export")
        deployed = ["Bridge", *export.PARTS, "BridgeClaims", "BridgeToken", "BridgeNFT", "BridgeMultiToken", "OperatorRoster", "IBridge"]
        self.assertLessEqual(set(export.PUBLISHED), set(deployed))
        for name in deployed:
            before, _, _ = named[name].partition(f"\n{'interface' if name == 'IBridge' else 'contract'} {name} ")
            self.assertIn("@custom:security-contact", before.split("\n\n")[-1], name)


class Mutate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.mutate = script("mutate")
        self.mutate.JOURNAL = Path(folder.name) / "verdicts.jsonl"
        self.fault, self.other = mutants("src/A.sol", "{\n    a += 1;\n}", ())[:2]

    def test_what_was_noticed_is_remembered_and_a_survivor_is_not(self):
        verdicts = self.mutate.Verdicts(False)
        verdicts.keep(self.fault, self.mutate.KILLED)
        verdicts.keep(self.other, self.mutate.SURVIVED)
        again = self.mutate.Verdicts(False)
        self.assertEqual([again.verdict(self.fault), again.verdict(self.other)], [self.mutate.KILLED, None])

    def test_a_comment_changes_nothing_of_what_is_known(self):
        before, after = "a\n\n    // b\n    c += 1;\n", "a\n    // b\n    // d\n\n    c += 1;\n"
        self.assertEqual(self.mutate.numbers(before)[3], self.mutate.numbers(after)[4])
        self.assertNotEqual(self.mutate.numbers(before)[3], self.mutate.numbers("a\nx\n" + before)[5])

    def test_a_fault_is_put_into_everything_that_tests_deploy_by_name(self):
        files = [path.read_text() for path in (HERE / "test").rglob("*.sol")]
        named = {name for text in files for name in re.findall(r'"(Bridge\w*\.sol:\w+)"', text)}
        self.assertIn("BridgeGovernance.sol:BridgeGovernance", named)
        self.assertLessEqual(named, {f"{Path(file).name}:{name}" for file, name in self.mutate.deployable(HERE)})

    def test_every_campaign_is_left_out_of_the_first_stage(self):
        driven = re.compile(r"function invariant_|import \{World\}")
        campaigns = {path.name.split(".")[0] for path in (HERE / "test").glob("*.t.sol") if driven.search(path.read_text())}
        self.assertEqual(set(self.mutate.CAMPAIGNS.strip("{}").split(",")), campaigns - {"Together"})

    def test_every_explanation_is_of_a_fault_that_can_be_made(self):
        possible = {self.mutate.key(mutant) for mutant in self.mutate.every_mutant([])}
        self.assertEqual(set(self.mutate.explanations()) - possible, set())

    def test_the_nearest_tests_are_those_of_sources(self):
        self.assertLessEqual(set(self.mutate.NEAREST), {path.stem for path in (HERE / "src").rglob("*.sol")})


def said(invariant, calls):
    """What forge prints of an invariant whose actions are called so often: {action: calls}, with a revert and 30 discards of each."""
    rows = "".join(f"| World | {action} | {count} | 1 | 30 |\n" for action, count in calls.items())
    return f"[PASS] invariant_{invariant}() (runs: 20, calls: 14000, reverts: 0)\n| Contract | Selector | Calls | Reverts | Discards |\n{rows}"


class Effective(unittest.TestCase):
    # 32 times what is enough of each is not enough in all.
    CALLS = dict.fromkeys(actions(), 431)

    def short(self, shown, wanted=frozenset({"a", "b"}), times=1):
        return too_few(effective_calls("".join(said(*one) for one in shown).splitlines()), wanted, times)

    def test_the_invariants_and_actions_are_those_of_the_sources(self):
        self.assertEqual(len(invariants()), 9)
        self.assertIn("no_nonce_is_handled_twice", invariants())
        self.assertEqual(invariants(together=True), {"all_of_them", *SMALLER})
        for name, kind in (("World.sol", "Action"), ("Succession.sol", "Step")):
            world = (HERE / "test" / name).read_text()
            self.assertEqual(len(actions(name)), int(re.search(r"ACTIONS = (\d+);", world)[1]))
            self.assertEqual(len(actions(name)), world.count(f" happens({kind}."))
        self.assertLessEqual(set(SMALLER), invariants())

    def test_the_smaller_world_has_actions_and_a_least_number_of_its_own(self):
        name = "value_is_conserved_with_successors"
        calls = dict.fromkeys(actions("Succession.sol"), 431)
        self.assertEqual(self.short([(name, calls)], {name}), [])
        self.assertEqual(len(self.short([(name, dict.fromkeys(calls, 300))], {name})), 1)

    def test_every_invariant_with_every_action_is_enough(self):
        self.assertEqual(self.short([("a", self.CALLS), ("b", self.CALLS)]), [])

    def test_output_that_shows_nothing_is_not_enough(self):
        self.assertEqual(len(too_few({}, invariants())), 9)
        self.assertEqual(len(too_few({}, invariants(together=True), 100)), 2)
        self.assertEqual(len(self.short([("a", {}), ("b", self.CALLS)])), 1, "without a table")

    def test_an_invariant_that_is_missing_or_unknown_is_named(self):
        self.assertEqual(self.short([("a", self.CALLS)]), ["b: forge shows no campaign of this invariant"])
        self.assertEqual(self.short([(name, self.CALLS) for name in "abc"]), ["c: the tests have no such invariant"])

    def test_an_action_that_is_missing_or_unknown_is_named(self):
        without = {action: 500 for action in self.CALLS if action != "vote"}
        self.assertEqual(self.short([("a", self.CALLS), ("b", without)]), ["b: forge does not show the action vote"])
        self.assertEqual(self.short([("a", self.CALLS | {"steal": 500}), ("b", self.CALLS)]), ["a: the world has no action steal"])

    def test_too_few_of_an_action_or_of_all_are_named_for_as_many_times_as_it_was_run(self):
        more = self.CALLS | {"seed": 5000}
        self.assertEqual(self.short([("a", more | {"vote": 231})], {"a"}), [])
        self.assertEqual(self.short([("a", more | {"vote": 230})], {"a"}), ["a: vote took effect 199 times, less than 200"])
        self.assertEqual(len(self.short([("a", dict.fromkeys(self.CALLS, 300))], {"a"})), 1)
        self.assertEqual(len(self.short([("a", self.CALLS)], {"a"}, 2)), 1)


class Prolong(unittest.TestCase):
    SAID = "[PASS] testFuzz_a(uint8) (runs: 256, μ: 1, ~: 1)\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.prolong = script("prolong")
        self.prolong.JOURNAL = Path(folder.name) / "rounds.jsonl"

    def effective(self, calls):
        return effective_calls((self.SAID + said("all", {"vote": calls, "pause": 9831})).splitlines())

    def test_only_calls_that_took_effect_count(self):
        self.assertEqual(self.effective(231), {"all": {"vote": 200, "pause": 9800}})

    def journal(self):
        return Journal(self.prolong.JOURNAL, "key")

    def test_rounds_that_are_over_are_summed(self):
        journal = self.journal()
        journal.write(1, [60, self.effective(231)])
        journal.write(2, [60, self.effective(331)])
        self.assertEqual(self.prolong.summed(self.journal(), [1, 2]), {"all": {"vote": 500, "pause": 19600}})

    def test_every_change_of_what_rounds_run_counts_and_proofs_and_single_cases_are_none_of_it(self):
        files = self.prolong.sources()
        self.assertIn(Path("test/Together.t.sol"), files)
        self.assertIn(Path("test/BridgeTest.sol"), files)
        self.assertFalse([path for path in files if "symbolic" in path.parts])
        self.assertNotIn(Path("test/bridge/Views.t.sol"), files)
        changed = files | {Path("src/Bridge.sol"): b"other"}
        key = self.prolong.fingerprint(files)
        self.assertNotEqual(key, self.prolong.fingerprint(changed))
        with mock.patch.object(self.prolong, "SETTINGS", {"FOUNDRY_INVARIANT_CHECK_INTERVAL": "1"}):
            self.assertNotEqual(key, self.prolong.fingerprint(files))

    def test_a_round_whose_forge_was_killed_is_told_from_one_that_fails(self):
        journal = self.journal()
        for code, told in ((-9, "signal 9"), (1, "round 1 fails")):
            bench = mock.Mock(running=set(), return_value=mock.Mock(round=lambda number, code=code: (code, "nothing")))
            with mock.patch.object(self.prolong, "Bench", bench), self.assertRaisesRegex(SystemExit, told):
                self.prolong.run([1], 1, {}, journal)
        self.assertEqual(journal.known, {})

    def test_seeds_of_rounds_differ_and_stay(self):
        self.assertEqual(len({self.prolong.seed_of(number) for number in range(1, 101)}), 100)
        self.assertEqual(self.prolong.seed_of(1), self.prolong.seed_of(1))

    def test_no_invariant_is_left_out_of_those_that_are_asked_together(self):
        together = (HERE / "test" / "Together.t.sol").read_text()
        for name in ("Conservation", "Progress", "Approval", "Voted"):
            for invariant in re.findall(r"function (invariant_\w+)", (HERE / "test" / f"{name}.t.sol").read_text()):
                self.assertIn(f"{name}Test.{invariant}.selector", together)


class Sizes(unittest.TestCase):
    def setUp(self):
        self.export = script("export")

    def compiled(self, runtime, creation):
        return {kind: {"object": "0x" + "00" * size} for kind, size in (("deployedBytecode", runtime), ("bytecode", creation))}

    def test_a_contract_may_be_as_large_as_chains_take_and_no_larger(self):
        fits, larger, made = self.compiled(24_576, 49_152), self.compiled(24_577, 30_000), self.compiled(20_000, 49_153)
        self.assertEqual(self.export.too_large({"A": fits, "I": self.compiled(0, 0)}), [])
        self.assertEqual(
            self.export.too_large({"A": fits, "B": larger, "C": made}),
            ["B: 24577 bytes of deployedBytecode, the most is 24576", "C: 49153 bytes of bytecode, the most is 49152"],
        )

    def test_a_bridge_and_each_of_its_parts_leave_4_kib(self):
        fits, larger = self.compiled(20_480, 30_000), self.compiled(20_481, 30_000)
        for name in ("Bridge", *self.export.PARTS):
            self.assertEqual(self.export.too_large({name: fits}), [])
            self.assertEqual(self.export.too_large({name: larger}), [f"{name}: 20481 bytes of deployedBytecode, the most is 20480"])

    def test_a_part_with_another_storage_layout_is_refused(self):
        def artefact(name, other=None):
            entry = {"slot": "1" if name == other else "0", "offset": 0, "label": "_lanes", "type": "t_struct(Lanes)12_storage"}
            return {"storageLayout": {"storage": [entry], "types": {}}}

        with mock.patch.object(self.export, "artefact", artefact):
            self.assertIn("0:0 _lanes t_struct(Lanes)_storage", self.export.storage())
        for part in self.export.PARTS:
            with mock.patch.object(self.export, "artefact", lambda name, part=part: artefact(name, part)):
                self.assertRaisesRegex(SystemExit, f"{part}: another storage layout", self.export.storage)

    def test_a_place_for_a_library_counts(self):
        self.assertEqual(self.export.size({"object": "0x6000__$" + "a" * 34 + "$__"}), 22)

    def test_every_committed_contract_is_judged(self):
        committed = {path.stem for path in (HERE / "abi").rglob("*.json")} - {"storage"}
        self.assertEqual(committed, set(self.export.PUBLISHED + self.export.TESTING))
        self.assertEqual(set(self.export.missing({})), committed)
        judged = dict.fromkeys(committed, self.compiled(1, 1))
        self.assertEqual(self.export.missing(judged), [])
        self.assertEqual(self.export.missing(judged | {"BridgeNFT": self.compiled(0, 1)}), ["BridgeNFT"])

    def test_every_part_of_the_sources_is_exported(self):
        self.assertEqual({path.stem for path in (HERE / "src" / "parts").glob("*.sol")}, set(self.export.PARTS))

    def test_what_creates_a_committed_contract_is_no_larger_than_chains_take(self):
        for path in set((HERE / "abi").rglob("*.json")) - {HERE / "abi" / "storage.json"}:
            creation = self.export.size(json.loads(path.read_text())["bytecode"])
            # The code that stays is nearly all of it.
            self.assertTrue(0 < creation <= 24_576, f"{path.stem}: {creation}")


class Symbolic(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.symbolic = script("symbolic")
        self.symbolic.WORK = Path(folder.name)

    def run_with(self, *arguments):
        """What was tried anew."""
        tried = []
        with (
            mock.patch.object(self.symbolic, "prove", side_effect=lambda name: tried.append(name) or f"proved {name}"),
            mock.patch.object(self.symbolic, "refute", side_effect=lambda name: tried.append(name) or f"refuted {name}"),
            mock.patch.object(sys, "argv", ["symbolic", *arguments]),
            mock.patch("builtins.print"),
        ):
            self.symbolic.main()
        return tried

    def test_what_is_proved_and_refuted_is_remembered(self):
        chosen = ("--only", "UnionProof", "--only", "strangers count")
        everything = [
            "UnionProof.check_signers_in_any_order_suffice",
            "UnionProof.check_voters_and_signers_count_once_each",
            "UnionProof.check_a_vote_is_its_signers_for_its_checkpoint",
            "strangers count",
        ]
        self.assertCountEqual(self.run_with(*chosen), everything)
        self.assertEqual(self.run_with(*chosen, "--only", "the fee rises"), ["the fee rises"])
        self.assertCountEqual(self.run_with(*chosen, "--afresh"), everything)

    def test_nothing_is_remembered_of_other_sources_or_of_what_failed(self):
        chosen = ("--only", "UnionProof")
        with mock.patch.object(self.symbolic, "fingerprint", return_value="other"):
            self.run_with(*chosen)
        with mock.patch.object(self.symbolic, "prove", side_effect=SystemExit("not proved")), self.assertRaises(SystemExit):
            with mock.patch.object(sys, "argv", ["symbolic", *chosen]):
                self.symbolic.main()
        self.assertEqual(len(self.run_with(*chosen)), 3)

    def test_every_weakness_finds_its_line_once(self):
        for name, (_, file, line, replacement) in script("symbolic").WEAKNESSES.items():
            lines = [text.strip() for text in (HERE / file).read_text().split("\n")]
            self.assertEqual(lines.count(line), 1, name)
            self.assertNotEqual(line, replacement, name)


if __name__ == "__main__":
    unittest.main()
