//! Files that go from host to host, with signatures of several people in them, and the question before one is added.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::Path;

use crate::failure::BadInput;

/// Writes a new file.
///
/// Errors: it exists, or cannot be written.
pub fn create(file: &Path, text: &str) -> Result<(), BadInput> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut handle| handle.write_all(text.as_bytes()).and_then(|()| handle.sync_all()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BadInput::new(format!(
            "{} exists already and is not overwritten; choose another name",
            file.display()
        )),
        std::io::ErrorKind::NotFound => missing_folder(file),
        _ => BadInput::new(format!("cannot write {}: {error}", file.display())),
    })
}

/// A file that cannot be made because there is no folder for it.
pub fn missing_folder(file: &Path) -> BadInput {
    let folder = file.parent().unwrap_or(Path::new("/"));
    BadInput::new(format!(
        "cannot write {}: the folder {} does not exist; make it, or choose another one",
        file.display(),
        folder.display()
    ))
}

/// Writes over a file, as a whole or not at all: signatures of others are in it.
///
/// Errors: it cannot be written.
pub fn replace(file: &Path, text: &str) -> Result<(), BadInput> {
    let mut scratch = file.as_os_str().to_owned();
    scratch.push(format!(".{:08x}.new", rand::random::<u32>()));
    let scratch = Path::new(&scratch);
    create(scratch, text)?;
    fs::rename(scratch, file).map_err(|error| {
        // Ours, and of no use.
        let _ = fs::remove_file(scratch);
        BadInput::new(format!("cannot write {}: {error}", file.display()))
    })
}

/// Asks on the terminal. `instead` says what to do without one, `refused` what holds after a no.
///
/// Errors: there is none, or the answer is no.
pub fn confirm(question: &str, instead: &str, refused: &str) -> Result<(), BadInput> {
    if !std::io::stdin().is_terminal() {
        return Err(BadInput::new(format!("cannot ask without a terminal; {instead}, then give --yes")));
    }
    let mut prompt = std::io::stderr().lock();
    // Where nothing can be shown, nothing can be answered either.
    let _ = write!(prompt, "{question}").and_then(|()| prompt.flush());
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(BadInput::new(refused)),
    }
}
