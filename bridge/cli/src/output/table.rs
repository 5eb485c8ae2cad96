//! Tables, and blocks of lines where a terminal is too narrow for one.

use comfy_table::{Color, ColumnConstraint, ContentArrangement, Table, TableComponent, presets};

use polyspan_types::text::plain;

/// A cell, and whether it shows something bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    is_bad: bool,
}

/// How a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// What it fits into; `None` where nothing is cut. Unit: columns.
    pub(super) width: Option<u16>,
    pub(super) colours: bool,
}

impl Cell {
    /// Of something that a person should look at.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { is_bad: true, ..Self::from(text.into()) }
    }

    /// Bad or not.
    pub fn when(is_bad: bool, text: impl Into<String>) -> Self {
        Self { is_bad, ..Self::from(text.into()) }
    }

    /// What it says.
    #[cfg(test)]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn shown(&self) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(&self.text);
        if self.is_bad { cell.fg(Color::Red) } else { cell }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        // Parts of it come from strangers.
        Self { text: plain(&text), is_bad: false }
    }
}

/// A table with a ruled head line, as narrow as its content. In a terminal that is narrower, columns with words wrap; where that is
/// not enough, each row is a block of lines.
pub(super) fn fitted(head: &[&str], rows: &[Vec<Cell>], form: Form) -> String {
    let plain = Form { colours: false, ..form };
    let is_too_wide =
        |width: u16| lines(&ruled(head, rows, plain)).any(|line| line.chars().count() > usize::from(width));
    match form.width {
        Some(width) if is_too_wide(width) => {
            let blocks: Vec<_> = rows.iter().map(|row| block(head, row, width, form.colours)).collect();
            blocks.join("\n\n")
        }
        _ => lines(&ruled(head, rows, form)).collect::<Vec<_>>().join("\n"),
    }
}

/// Without the spaces that fill a cell up to its column: a terminal would wrap them.
fn lines(table: &Table) -> impl Iterator<Item = String> {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().into_iter()
}

/// One row, a line for each cell that is not empty.
fn block(head: &[&str], row: &[Cell], width: u16, colours: bool) -> String {
    let cells = head.iter().zip(row).filter(|(_, cell)| !cell.text.is_empty());
    let mut table = coloured(colours);
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.add_rows(cells.map(|(name, cell)| vec![comfy_table::Cell::new(name), cell.shown()]));
    if let Some(names) = table.column_mut(0) {
        names.set_padding((0, 2)).set_constraint(ColumnConstraint::ContentWidth);
    }
    if let Some(values) = table.column_mut(1) {
        values.set_padding((0, 0));
    }
    lines(&table).collect::<Vec<_>>().join("\n")
}

fn ruled(head: &[&str], rows: &[Vec<Cell>], form: Form) -> Table {
    let mut table = coloured(form.colours);
    table.load_preset(presets::NOTHING).set_style(TableComponent::HeaderLines, '─');
    table.set_header(head.to_vec());
    table.add_rows(rows.iter().map(|row| row.iter().map(Cell::shown).collect::<Vec<_>>()));
    let arrangement = match form.width {
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

/// A table that does not ask the terminal itself whether it shows colours.
fn coloured(colours: bool) -> Table {
    let mut table = Table::new();
    if colours {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    table
}

/// Whether the column has cells that can be wrapped between words.
fn has_words(table: &Table, column: usize) -> bool {
    let mut cells = table.row_iter().filter_map(|row| row.cell_iter().nth(column));
    cells.any(|cell| cell.content().contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(cells: &[[&str; 4]]) -> Vec<Vec<Cell>> {
        cells.iter().map(|row| row.iter().map(|cell| Cell::from((*cell).to_owned())).collect()).collect()
    }

    const fn wide(width: Option<u16>) -> Form {
        Form { width, colours: false }
    }

    #[test]
    fn a_table_that_is_too_wide_for_the_terminal_is_a_block_for_each_row() {
        let head = ["lane", "requested", "handled", "waiting for"];
        let words = "two words ".repeat(9);
        let rows =
            rows(&["kr/main-to-service", "kr/service-to-main"].map(|lane| [lane, "1234567", "", &words]));
        let fits = |width: u16| {
            fitted(&head, &rows, wide(Some(width))).lines().all(|line| line.chars().count() <= width.into())
        };
        assert!(fits(80) && fits(40));
        assert!(fitted(&head, &rows, wide(Some(80))).starts_with("lane  "), "a table while it fits");
        let narrow = fitted(&head, &rows, wide(Some(40)));
        assert!(narrow.contains("requested    1234567") && !narrow.contains("handled"), "{narrow}");
        assert!(narrow.contains("\n\nlane         kr/service-to-main"), "{narrow}");
        let wide = fitted(&head, &rows, wide(None));
        assert_eq!(wide.lines().count(), 4, "without a terminal nothing wraps");
    }

    #[test]
    fn a_table_rules_its_head_and_nothing_else() {
        let rows = rows(&[["a", "long cell", "", ""], ["b", "long cell", "", ""]]);
        let text = fitted(&["one", "two"], &rows, wide(None));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].chars().all(|c| c == '─') && lines[1].chars().count() < 20, "{text}");
    }

    #[test]
    fn only_bad_cells_are_red_and_a_strangers_sequences_are_none() {
        let row = vec![Cell::from("a\u{1b}[32mb".to_owned()), Cell::bad("HALTED"), Cell::when(false, "yes")];
        let rows = [row];
        let red = Form { width: None, colours: true };
        let narrow = Form { width: Some(20), colours: true };
        for text in [fitted(&["x", "y", "z"], &rows, red), fitted(&["x", "y", "z"], &rows, narrow)] {
            assert_eq!(text.matches("\u{1b}[38").count(), 1, "{text:?}");
            let (before, after) = text.split_once("HALTED").unwrap();
            assert!(before.contains("\u{1b}[38") && after.contains("\u{1b}[39m"), "{text:?}");
            assert!(!text.contains("\u{1b}[32m"), "{text:?}");
        }
        let plain = fitted(&["x", "y", "z"], &rows, Form { colours: false, ..red });
        assert!(!plain.contains('\u{1b}') && plain.contains("HALTED"), "{plain:?}");
    }
}
