//! Text that somebody else wrote, made fit to be shown.

use std::borrow::Cow;

/// Whether a character would act on a terminal, or make a line read otherwise than it is.
pub fn is_deceptive(character: char) -> bool {
    character.is_control() || is_unseen(character)
}

/// Whether a character changes the direction of what follows, or is not seen at all.
///
/// Source: Unicode's bidirectional controls (UAX 9), its line and paragraph separators, and characters of no width that spoof names.
const fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// A line of a log, in which each unseen character is written as its number, `\u202e`, as JSON has it. Others stay.
pub fn seen(line: &str) -> Cow<'_, str> {
    if !line.contains(is_unseen) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len());
    for character in line.chars() {
        match is_unseen(character) {
            true => shown.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// Text of which every deceptive character but line breaks and tabs is written as its number, such as `\u{202e}`.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            deceptive if is_deceptive(deceptive) => shown.extend(deceptive.escape_unicode()),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_shown_as_its_number_and_the_rest_stays() {
        assert_eq!(
            plain("a\u{1b}[1A\u{202e}b\u{200b}\u{2066}c\n\té 한 🙂"),
            "a\\u{1b}[1A\\u{202e}b\\u{200b}\\u{2066}c\n\té 한 🙂"
        );
        assert_eq!(seen("\u{1b}[1m{\"a\": \"\u{202e}b\"}"), "\u{1b}[1m{\"a\": \"\\u202eb\"}");
        assert!(is_deceptive('\u{85}') && is_deceptive('\u{2029}') && !is_deceptive('-'));
    }
}
