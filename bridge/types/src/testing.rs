//! For tests of this and other crates.

/// What serde, TOML, JSON, hex, number, URL and SQL libraries say. None of it is for who gave the wrong input: it speaks of types and
/// places inside the program.
pub const PARSER_WORDS: &[&str] = &[
    " expected",
    "at line ",
    " column ",
    "untagged",
    "invalid type",
    "invalid value:",
    "invalid length",
    "missing field",
    "unknown field",
    "unknown variant",
    "did not match",
    "duplicate field",
    "TOML parse error",
    "EOF while",
    "trailing characters",
    "recursion limit",
    "odd number of digits",
    "invalid string length",
    "invalid character",
    "invalid digit",
    "out of range for base",
    "too large for target type",
    "target type",
    "relative URL",
    "empty host",
    "invalid port",
    "time unit",
    "invalid socket address",
    "valid UTF-8",
    "Conversion error",
    "Invalid column",
    "no such table",
    "no such column",
    "struct ",
    "enum ",
];

/// A message is in words of ours.
///
/// Panics: it has words of a parser.
#[track_caller]
pub fn assert_own_words(message: &str) {
    let foreign = PARSER_WORDS.iter().find(|words| message.contains(**words));
    assert!(foreign.is_none(), "`{}` in: {message}", foreign.unwrap_or(&""));
}

/// A text of lines `KEY = VALUE` with one value after the other replaced by things that it cannot be.
pub fn wrong_values(text: &str) -> Vec<String> {
    const WRONG: [&str; 14] = [
        "5",
        "-1",
        "1.5",
        "true",
        "\"\"",
        "\"zz\"",
        "\"0x\"",
        "\"0x1\"",
        "\"0xzz\"",
        "\"http://\"",
        "[]",
        "{}",
        "99999999999999999999999",
        "1979-05-27",
    ];
    let lines: Vec<&str> = text.lines().collect();
    let with = |index: usize, wrong: &str| {
        let (key, _) = lines[index].split_once(" = ")?;
        let changed = format!("{key} = {wrong}");
        let line = |(other, line): (usize, &&str)| {
            if other == index { changed.clone() } else { (*line).to_owned() }
        };
        Some(lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n"))
    };
    let cases = (0..lines.len()).filter(|index| !lines[*index].starts_with('#'));
    cases.flat_map(|index| WRONG.into_iter().filter_map(move |wrong| with(index, wrong))).collect()
}
