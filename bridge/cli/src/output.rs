//! Everything that is printed.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use alloy::primitives::Address;
use clap::ColorChoice;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableComponent, presets};

use polyspan_types::text::plain;

use crate::exit::Exit;

/// How everything is printed, decided once by the command line.
#[derive(Debug, Clone, Copy, Default)]
struct Mode {
    json: bool,
    /// Colours on standard output, and on standard error.
    colours: (bool, bool),
}

static MODE: OnceLock<Mode> = OnceLock::new();

/// Red, and back to normal.
const BAD: (&str, &str) = ("\u{1b}[31m", "\u{1b}[0m");

/// Decides how everything is printed. The first call counts.
pub fn setup(json: bool, color: ColorChoice) {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let wanted = |terminal: bool| match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !unwanted,
    };
    let colours = (wanted(io::stdout().is_terminal()), wanted(io::stderr().is_terminal()));
    // A second call would be a mistake of this program, and changes nothing.
    let _ = MODE.set(Mode { json, colours });
}

/// Whether JSON is asked for.
pub fn is_json() -> bool {
    mode().json
}

/// Prints what a command came to as JSON, where that is asked for. Its lines for people are [`told()`].
pub fn object(value: &impl serde::Serialize) -> anyhow::Result<()> {
    if is_json() { json(value) } else { Ok(()) }
}

/// Prints a line of a command that has an [`object()`]. With --json it is a remark: standard output is for the object then.
pub fn told(text: impl std::fmt::Display) {
    if is_json() { remark(text) } else { result(text) }
}

/// Prints a result to standard output; with --json as an object of its own, for text that is of no use in parts.
///
/// A closed pipe (`polyspan status | head -1`) is no failure: nobody reads on.
pub fn result(text: impl std::fmt::Display) {
    line(&mut io::stdout().lock(), "result", text, false);
}

/// As [`result()`], of something that is bad.
pub fn bad(text: impl std::fmt::Display) {
    line(&mut io::stdout().lock(), "result", text, mode().colours.0);
}

/// Tells the person something beside the result, on standard error.
pub fn remark(text: impl std::fmt::Display) {
    line(&mut io::stderr().lock(), "remark", text, false);
}

/// Prints why the command failed, on standard error.
pub fn error(text: impl std::fmt::Display, exit: Exit) {
    let Mode { json, colours } = mode();
    if json {
        let error = serde_json::json!({ "error": text.to_string(), "exit_code": exit as u8 });
        show(&mut io::stderr().lock(), error);
    } else {
        let (start, end) = if colours.1 { BAD } else { ("", "") };
        let text = plain(&text.to_string());
        put(&mut io::stderr().lock(), &format!("{start}error:{end} {text}"));
    }
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Empties the terminal, for what is shown again and again. Without one, an empty line stands between two of them.
pub fn clear_screen() {
    put(&mut io::stdout().lock(), if is_terminal() { "\u{1b}[2J\u{1b}[H" } else { "" });
}

/// Prints a value as JSON.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    show(&mut io::stdout().lock(), checksummed(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// Prints a value as JSON on one line, for what is printed again and again.
pub fn json_line(value: &impl serde::Serialize) -> anyhow::Result<()> {
    show(&mut io::stdout().lock(), checksummed(&serde_json::to_string(value)?));
    Ok(())
}

/// An address for tables: enough of it to tell one from another, not to copy.
pub fn short_address(address: &str) -> String {
    let tail = address.len().saturating_sub(4);
    match (address.get(..6), address.get(tail..)) {
        (Some(head), Some(end)) if tail > 6 => format!("{head}…{end}"),
        _ => address.to_owned(),
    }
}

/// A table with a ruled head line, as narrow as its content. In a terminal that is narrower, columns with words wrap; where that is
/// not enough, each row is a block of lines.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    // Without a terminal there is no width to fit into, and a wrapped cell is hard to search.
    let width = if is_terminal() { Table::new().width() } else { None };
    fitted(head, &rows, width)
}

fn fitted(head: &[&str], rows: &[Vec<String>], width: Option<u16>) -> String {
    let text = ruled(head, rows, width).to_string();
    match width {
        Some(width) if text.lines().any(|line| line.chars().count() > usize::from(width)) => {
            let blocks: Vec<_> = rows.iter().map(|row| block(head, row, width)).collect();
            blocks.join("\n\n")
        }
        _ => text,
    }
}

/// One row, a line for each cell that is not empty.
fn block(head: &[&str], row: &[String], width: u16) -> String {
    let cells = head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.add_rows(cells.map(|(name, cell)| vec![(*name).to_owned(), cell.clone()]));
    if let Some(names) = table.column_mut(0) {
        names.set_padding((0, 2)).set_constraint(ColumnConstraint::ContentWidth);
    }
    if let Some(values) = table.column_mut(1) {
        values.set_padding((0, 0));
    }
    table.to_string()
}

fn ruled(head: &[&str], rows: &[Vec<String>], width: Option<u16>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(head.to_vec());
    table.add_rows(rows);
    let arrangement = match width {
        Some(width) => {
            table.set_width(width);
            ContentArrangement::Dynamic
        }
        None => ContentArrangement::Disabled,
    };
    table.set_content_arrangement(arrangement);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 < head.len() { 2 } else { 0 }));
    }
    let names: Vec<usize> = (0..head.len()).filter(|column| !has_words(&table, *column)).collect();
    for column in names {
        // A name that is broken in two is nobody's name.
        table.column_mut(column).into_iter().for_each(|column| {
            column.set_constraint(ColumnConstraint::ContentWidth);
        });
    }
    table
}

/// Whether the column has cells that can be wrapped between words.
fn has_words(table: &Table, column: usize) -> bool {
    let mut cells = table.row_iter().filter_map(|row| row.cell_iter().nth(column));
    cells.any(|cell| cell.content().contains(' '))
}

fn mode() -> Mode {
    MODE.get().copied().unwrap_or_default()
}

fn line(to: &mut impl Write, key: &str, text: impl std::fmt::Display, red: bool) {
    if mode().json {
        let text = text.to_string();
        if !text.is_empty() {
            show(to, serde_json::json!({ key: text }));
        }
        return;
    }
    let (start, end) = if red { BAD } else { ("", "") };
    put(to, &format!("{start}{}{end}", plain(&text.to_string())));
}

fn show(to: &mut impl Write, text: impl std::fmt::Display) {
    put(to, &plain(&text.to_string()));
}

fn put(to: &mut impl Write, text: &str) {
    // There is nowhere to report that the place for reports is gone.
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

/// JSON whose addresses have their checksums. Only whole strings are addresses, so lengths and places stay.
fn checksummed(json: &str) -> String {
    const DIGITS: usize = 40;
    let mut text = json.to_owned();
    for (start, _) in json.match_indices("\"0x") {
        let (from, to) = (start + 1, start + 3 + DIGITS);
        let (Some(found), Some("\"")) = (json.get(from..to), json.get(to..to + 1)) else { continue };
        if let Ok(address) = found.parse::<Address>() {
            text.replace_range(from..to, &address.to_checksum(None));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_json_have_their_checksums_and_nothing_else_changes() {
        let address =
            "0x19ca6B8E0b3b0E3A9D3bF1dC0f1A5f8d2D33d78B".parse::<Address>().unwrap().to_checksum(None);
        let hash = "ab".repeat(32);
        let json = |address: &str| {
            format!("{{\"a\": \"{address}\", \"hash\": \"0x{hash}\", \"é\": [\"0x\", \"{address}\"]}}")
        };
        assert_eq!(checksummed(&json(&address.to_lowercase())), json(&address));
        let within = format!("[\"sent to {}\"]", address.to_lowercase());
        assert_eq!(checksummed(&within), within);
    }

    #[test]
    fn addresses_are_shortened_to_both_of_their_ends() {
        assert_eq!(short_address("0x19ca6B8E0b3b0E3A9D3bF1dC0f1A5f8d2D33d78B"), "0x19ca…d78B");
        assert_eq!(short_address("0x12"), "0x12");
    }

    #[test]
    fn a_table_that_is_too_wide_for_the_terminal_is_a_block_for_each_row() {
        let head = ["lane", "requested", "handled", "waiting for"];
        let rows = ["kr/main-to-service", "kr/service-to-main"]
            .map(|lane| vec![lane.to_owned(), "1234567".to_owned(), String::new(), "two words ".repeat(9)]);
        let fits = |width: u16| {
            fitted(&head, &rows, Some(width)).lines().all(|line| line.chars().count() <= width.into())
        };
        assert!(fits(80) && fits(40));
        assert!(fitted(&head, &rows, Some(80)).starts_with("lane  "), "a table while it fits");
        let narrow = fitted(&head, &rows, Some(40));
        assert!(narrow.contains("requested    1234567") && !narrow.contains("handled"), "{narrow}");
        assert!(narrow.contains("\n\nlane         kr/service-to-main"), "{narrow}");
        let wide = fitted(&head, &rows, None);
        assert_eq!(wide.lines().count(), 4, "without a terminal nothing wraps");
    }

    #[test]
    fn a_table_rules_its_head_and_nothing_else() {
        let rows = ["a", "b"].map(|cell| vec![cell.to_owned(), "long cell".to_owned()]);
        let text = table(&["one", "two"], rows).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].chars().all(|c| c == '─') && lines[1].chars().count() < 20, "{text}");
    }
}
