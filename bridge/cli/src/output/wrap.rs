//! Sentences in a terminal: broken between words, never within one. Pure.

/// What a terminal is taken to have when it does not tell. Unit: columns. Source: what terminals had, and what `--help` keeps to.
pub const USUAL_WIDTH: usize = 80;

/// Fewest columns beside an indent: below that an indent costs more than it shows.
const LEAST: usize = 20;

/// How a command of ours begins that is there to be copied.
const COMMAND: &str = "`polyspan ";

/// Text of which each line fits into so many columns. What has no space in it (hashes, URLs, paths) stays whole on a line of its own,
/// and so does a command of ours in backquotes: broken, it could not be copied. Other things in backquotes stay whole if they fit.
pub fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| wrapped_line(line, width)).collect();
    lines.join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    if length(line) <= width {
        return line.to_owned();
    }
    let hang = hang(line).min(width.saturating_sub(LEAST));
    let indent = " ".repeat(hang);
    let (mut done, mut column) = (String::with_capacity(line.len() + 64), 0);
    for (gap, word) in words(line, width.saturating_sub(hang)) {
        let length = length(word);
        if column > 0 && column + gap + length > width {
            done.push('\n');
            done.push_str(&indent);
            column = hang;
        } else {
            done.extend(std::iter::repeat_n(' ', gap));
            column += gap;
        }
        done.push_str(word);
        column += length;
    }
    done
}

/// The columns that text takes. Colours take none.
fn length(text: &str) -> usize {
    let mut is_colour = false;
    let counts = |character: &char| {
        let counts = !is_colour && *character != '\u{1b}';
        is_colour = if is_colour { *character != 'm' } else { *character == '\u{1b}' };
        counts
    };
    text.chars().filter(counts).count()
}

/// Where the lines behind the first one begin: below the text of a label (`ok          store: …`), else a little further in than the
/// line itself.
fn hang(line: &str) -> usize {
    const LABEL: usize = 16;
    let lead = line.chars().take_while(|c| *c == ' ').count();
    let start: String = line.chars().take(LABEL).collect();
    let gap = start.char_indices().skip(lead).find(|(index, _)| start[*index..].starts_with("  "));
    match gap {
        Some((index, _)) => {
            let label = start[..index].chars().count();
            label + line.chars().skip(label).take_while(|c| *c == ' ').count()
        }
        None => lead + 2,
    }
}

/// The words of a line, each with the spaces before it. What stands in backquotes is one word if it is no longer than `most`, or a
/// command of ours.
fn words(line: &str, most: usize) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let gap = rest.chars().take_while(|c| *c == ' ').count();
        rest = &rest[gap..];
        if rest.is_empty() {
            return words;
        }
        let end = quoted(rest, most).or_else(|| rest.find(' ')).unwrap_or(rest.len());
        words.push((gap, &rest[..end]));
        rest = &rest[end..];
    }
}

/// Where a word ends that begins with a backquote, behind its closing one.
fn quoted(text: &str, most: usize) -> Option<usize> {
    let start = text.find('`').filter(|start| !text[..*start].contains(' '))?;
    let close = start + 1 + text[start + 1..].find('`')?;
    let end = text[close..].find(' ').map_or(text.len(), |space| close + space);
    let stays = text[start..].starts_with(COMMAND) || text[..end].chars().count() <= most;
    stays.then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str, width: usize) -> bool {
        text.lines().all(|line| line.chars().count() <= width)
    }

    #[test]
    fn a_sentence_is_broken_between_words_and_hangs() {
        let told = wrapped("one two three four five six seven eight nine ten", 24);
        assert_eq!(told, "one two three four five\n  six seven eight nine\n  ten");
        assert_eq!(wrapped("short", 24), "short");
        assert_eq!(wrapped("", 24), "");
        assert_eq!(wrapped("a b\nc d", 3), "a b\nc d");
    }

    #[test]
    fn lines_behind_a_label_begin_where_its_text_does() {
        let check = format!("ok          store: {}", "word ".repeat(20));
        let told = wrapped(check.trim_end(), 40);
        assert!(fits(&told, 40), "{told}");
        assert!(told.lines().skip(1).all(|line| line.starts_with("            word")), "{told}");
        let preview = format!("  amount      1.5 KRT ({})", "x ".repeat(40));
        assert!(wrapped(&preview, 40).lines().nth(1).unwrap().starts_with("              x"), "{preview}");
        let item = format!("  1. {}", "word ".repeat(20));
        assert!(wrapped(&item, 40).lines().nth(1).unwrap().starts_with("    word"));
    }

    #[test]
    fn what_has_no_space_stays_whole() {
        let hash = format!("0x{}", "ab".repeat(32));
        let url = format!("https://{}.example/", "a".repeat(90));
        let told = wrapped(&format!("in transaction {hash}, asked of {url} at last"), 40);
        let long: Vec<_> = told.lines().filter(|line| line.chars().count() > 40).map(str::trim).collect();
        assert_eq!(long, [&format!("{hash},"), &url], "{told}");
    }

    #[test]
    fn a_command_to_copy_stays_on_a_line() {
        let command = "`polyspan release prepare kr/main-to-service:42 --out FILE`";
        let told =
            wrapped(&format!("operators decide how it ends: {command}, or they do not, as they like"), 70);
        assert!(told.lines().any(|line| line.contains(command)), "{told}");
        let command = format!("`polyspan explain 0x{}`", "ab".repeat(32));
        let told = wrapped(&format!("follow it with {command}, or do not"), 60);
        assert!(told.lines().any(|line| line.trim() == format!("{command},")), "{told}");
        let long = wrapped(&format!("see `{}`", "word ".repeat(20).trim_end()), 40);
        assert!(fits(&long, 40), "{long}");
        assert!(fits(&wrapped(&format!("an odd ` among {}", "word ".repeat(20)), 40), 40));
    }

    #[test]
    fn colours_take_no_room() {
        let usage = "\u{1b}[1m\u{1b}[4mUsage:\u{1b}[0m one two three four five";
        assert_eq!(wrapped(usage, 30), usage);
        assert_eq!(wrapped(usage, 29).lines().count(), 2);
    }

    #[test]
    fn any_width_and_any_text_end() {
        for width in [0, 1, 5, 19, 21, 80] {
            let text = "  한글  é 🙂 `x y` ``  ` a";
            let told = wrapped(text, width);
            let same = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(same(&told), same(text), "{width}");
        }
    }
}
