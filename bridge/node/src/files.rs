//! Reading the files that a config or an argument names: each is somebody's path, and may be anything.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Longest file that is read. Unit: bytes. Source: configs, deployments, keys, certificates and proposals are far below 1 MiB.
const LONGEST: u64 = 4 << 20;

/// Reads a whole file of text.
///
/// Errors: those of [`read_bytes`], and that it is no text.
pub fn read_text(file: &Path) -> io::Result<String> {
    String::from_utf8(read_bytes(file)?).map_err(|_| refused("it is not a text file"))
}

/// Reads a whole file.
///
/// Errors: the system refuses; it is a directory or a device; it is too long.
pub fn read_bytes(file: &Path) -> io::Result<Vec<u8>> {
    expect_readable(file)?;
    let mut bytes = Vec::new();
    File::open(file)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(refused("it is longer than 4 MiB, so it is not the file that is meant"));
    }
    Ok(bytes)
}

/// Refuses what is neither a file nor a pipe, before it is opened.
///
/// Errors: it does not exist, or is a directory, a device or a socket.
pub fn expect_readable(file: &Path) -> io::Result<()> {
    let kind = std::fs::metadata(file)?.file_type();
    if kind.is_dir() {
        Err(refused("it is a directory; name a file"))
    } else if kind.is_char_device() || kind.is_block_device() {
        Err(refused("it is a device; name a file"))
    } else if kind.is_socket() {
        Err(refused("it is a socket; name a file"))
    } else {
        Ok(())
    }
}

fn refused(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_ours_is_told_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("long");
        std::fs::write(&long, vec![b'x'; LONGEST as usize + 1]).unwrap();
        let garbage = folder.path().join("garbage");
        std::fs::write(&garbage, [0xff, 0xfe]).unwrap();
        for (file, reason) in [
            (folder.path(), "directory"),
            (Path::new("/dev/zero"), "device"),
            (&long, "longer than 4 MiB"),
            (&garbage, "not a text file"),
        ] {
            let error = read_text(file).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        std::fs::write(&garbage, "text").unwrap();
        assert_eq!(read_text(&garbage).unwrap(), "text");
    }
}
