//! What is wrong with a file, in words for whoever wrote it: a parser's own speak of its types.

/// Most of a line that is repeated. Unit: characters. Source: the width of a terminal.
const SHOWN: usize = 80;

/// What is wrong with the form of a TOML text: the place, the line, and what to do.
pub fn of_syntax(text: &str, error: &toml::de::Error) -> String {
    if error.span().is_none() {
        return of_value(error.message());
    }
    let offset = error.span().map_or(0, |span| span.start);
    let before = &text[..text.floor_char_boundary(offset)];
    let (number, start) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |end| end + 1));
    let line = text[start..].lines().next().unwrap_or_default().trim();
    let shown: String = line.chars().take(SHOWN).collect();
    let form = text.parse::<toml::Table>().err();
    let what = match form.as_ref().map_or("", |form| form.message()) {
        // The form is right, and a value is not: what is wrong with it.
        _ if form.is_none() => of_value(error.message()),
        message if message.contains("duplicate key") => {
            "the key is in the file already; give it once".to_owned()
        }
        message if ["overflow", "too large", "128"].iter().any(|words| message.contains(words)) => {
            "the number is too large".to_owned()
        }
        message if message.contains("string") && message.contains("invalid") => {
            "a text has no closing quote, or a character in it that has to be escaped".to_owned()
        }
        _ => "this is not TOML; write KEY = VALUE, text in double quotes, sections as [NAME]".to_owned(),
    };
    format!("line {number}, `{shown}`: {what}")
}

/// What is wrong with a value, from what the parser says of it. Words that are not the parser's stay as they are.
pub fn of_value(message: &str) -> String {
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    if message.starts_with("missing field") {
        return format!("`{}` is missing", quoted(message));
    }
    if message.starts_with("unknown field") {
        return format!("unknown key `{}`", quoted(message));
    }
    if let Some((given, known)) =
        message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("{given} is not known here; use {}", known.trim_start_matches("one of "));
    }
    if let Some((given, needed)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("this is {}, and {} is needed", kind_of(given), needed_kind(needed));
    }
    if let Some((given, needed)) =
        message.strip_prefix("invalid value: ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("{} is not possible here; {} is needed", quoted(given), needed_kind(needed));
    }
    // Of numbers, addresses and hashes in hex.
    let hex = [
        "odd number of digits",
        "invalid string length",
        "invalid character",
        "invalid digit",
        "out of range for base",
        "parsing",
        "hex string",
    ];
    if hex.iter().any(|words| message.to_lowercase().contains(words)) {
        return "this is no number, address or hash as it is needed here; write 0x and hex digits, or copy it again"
            .to_owned();
    }
    let foreign =
        ["untagged enum", "valid TOML value", "invalid length", "data did not match", "duplicate field"];
    if foreign.iter().any(|words| message.contains(words)) {
        return "this is not of the form that is needed here".to_owned();
    }
    message.to_owned()
}

fn kind_of(given: &str) -> &'static str {
    match given.split(' ').next().unwrap_or_default() {
        "string" => "a text",
        "integer" => "a number",
        "floating" => "a number with a fraction",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a section",
        "datetime" => "a date",
        _ => "something else",
    }
}

fn needed_kind(needed: &str) -> &'static str {
    match needed {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative and not too large",
        "i32" | "i64" => "a whole number",
        "a boolean" | "bool" => "true or false",
        "a string" | "string" | "str" => "a text in double quotes",
        "a sequence" => "a list",
        "a map" => "a section",
        text if text.starts_with("struct") => "a section",
        text if text.starts_with("sequence") || text.starts_with("an array") => "a list",
        _ => "a value of another kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syntax(text: &str) -> String {
        of_syntax(text, &text.parse::<toml::Table>().unwrap_err())
    }

    #[test]
    fn a_place_in_a_text_is_shown_with_what_to_do() {
        assert_eq!(
            syntax("a = 1\nb = \n"),
            "line 2, `b =`: this is not TOML; write KEY = VALUE, text in double quotes, sections as [NAME]"
        );
        assert!(syntax("a = 1\na = 2\n").starts_with("line 2, `a = 2`: the key is in the file already"));
        let unclosed = syntax("name = \"kr\nother = 1");
        assert!(unclosed.starts_with("line 1, `name = \"kr`: a text has no closing quote"), "{unclosed}");
        for text in ["\u{feff}\u{0}", "[", "a", "= 1", "a = {", "ü = é", "a = 1 b = 2"] {
            let told = syntax(text);
            assert!(!told.contains("expected") && !told.contains("TOML parse error"), "{told}");
        }
    }

    #[test]
    fn types_of_the_program_are_in_no_message() {
        for (message, told) in [
            (
                "invalid type: integer `5`, expected a string",
                "this is a number, and a text in double quotes is needed",
            ),
            (
                "invalid type: string \"x\", expected u64",
                "this is a text, and a whole number that is not negative and not too large is needed",
            ),
            (
                "invalid type: string \"x\", expected struct RawSide",
                "this is a text, and a section is needed",
            ),
            (
                "invalid value: integer `-5`, expected u64",
                "-5 is not possible here; a whole number that is not negative and not too large is needed",
            ),
            ("missing field `version`", "`version` is missing"),
            ("unknown variant `x`, expected one of `a`, `b`", "`x` is not known here; use `a`, `b`"),
            (
                "data did not match any variant of untagged enum KdfparamsType",
                "this is not of the form that is needed here",
            ),
            ("`x` is not a lane", "`x` is not a lane"),
        ] {
            assert_eq!(of_value(message), told);
        }
    }
}
