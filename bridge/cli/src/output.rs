//! Everything that is printed.

use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableComponent, presets};

/// Prints a result to standard output.
///
/// A closed pipe (`polyspan status | head -1`) is no failure: nobody reads on.
pub fn result(text: impl std::fmt::Display) {
    show(&mut io::stdout().lock(), text);
}

/// Tells the person something beside the result, on standard error.
pub fn remark(text: impl std::fmt::Display) {
    show(&mut io::stderr().lock(), text);
}

/// Empties the terminal, for what is shown again and again.
pub fn clear_screen() {
    // As in `show`.
    let _ = io::stdout().lock().write_all(b"\x1b[2J\x1b[H\n");
}

/// Prints a value as JSON.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    result(serde_json::to_string_pretty(value)?);
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

/// A table with a ruled head line, as narrow as its content. In a terminal that is narrower, columns with words wrap.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(head.to_vec());
    table.add_rows(rows);
    // Without a terminal there is no width to fit into, and a wrapped cell is hard to search.
    let arrangement = match io::IsTerminal::is_terminal(&io::stdout()) {
        true => ContentArrangement::Dynamic,
        false => ContentArrangement::Disabled,
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

fn show(to: &mut impl Write, text: impl std::fmt::Display) {
    let text = harmless(&text.to_string());
    // There is nowhere to report that the place for reports is gone.
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}

/// Text without what a terminal would act on: parts of it come from endpoints, coordinators and tokens.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_moves_no_cursor() {
        assert_eq!(harmless("a\u{1b}[1A\u{1b}[2Kb\r\nc"), "a\u{fffd}[1A\u{fffd}[2Kb\u{fffd}\nc");
    }

    #[test]
    fn addresses_are_shortened_to_both_of_their_ends() {
        assert_eq!(short_address("0x19ca6B8E0b3b0E3A9D3bF1dC0f1A5f8d2D33d78B"), "0x19ca…d78B");
        assert_eq!(short_address("0x12"), "0x12");
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
