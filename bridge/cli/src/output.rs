//! Everything that is printed.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};

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

/// Prints a value as JSON.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    result(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// A table with a head line.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    // Without a terminal there is no width to fit into, and a wrapped cell is hard to search.
    if !io::IsTerminal::is_terminal(&io::stdout()) {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(head.to_vec());
    table.add_rows(rows);
    table
}

fn show(to: &mut impl Write, text: impl std::fmt::Display) {
    // There is nowhere to report that the place for reports is gone.
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}
