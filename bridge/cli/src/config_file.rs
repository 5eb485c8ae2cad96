//! Where the configuration is when nobody names it.

use std::env::var_os;
use std::path::{Path, PathBuf};

/// Its name in each folder.
pub const NAME: &str = "polyspan.toml";

/// The first one that exists; that of the working folder when none does.
pub fn default_config() -> PathBuf {
    let folder = |name| var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    choose(folder("XDG_CONFIG_HOME"), folder("HOME"), Path::exists)
}

fn choose(config: Option<PathBuf>, home: Option<PathBuf>, exists: impl Fn(&Path) -> bool) -> PathBuf {
    let own = config.or_else(|| Some(home?.join(".config"))).map(|folder| folder.join("polyspan").join(NAME));
    let usual = [Some(PathBuf::from(NAME)), own, Some(Path::new("/etc/polyspan").join(NAME))];
    let mut usual = usual.into_iter().flatten();
    usual.find(|file| exists(file)).unwrap_or_else(|| PathBuf::from(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_folders_are_looked_at_in_order() {
        let found = |there: &[&str], config: Option<&str>| {
            let exists = |file: &Path| there.iter().any(|there| Path::new(there) == file);
            choose(config.map(PathBuf::from), Some("/home/u".into()), exists).display().to_string()
        };
        let system = "/etc/polyspan/polyspan.toml";
        assert_eq!(found(&[system, "polyspan.toml"], None), "polyspan.toml");
        assert_eq!(
            found(&[system, "/home/u/.config/polyspan/polyspan.toml"], None),
            "/home/u/.config/polyspan/polyspan.toml"
        );
        assert_eq!(found(&[system, "/x/polyspan/polyspan.toml"], Some("/x")), "/x/polyspan/polyspan.toml");
        assert_eq!(found(&[system], Some("/x")), system);
        assert_eq!(found(&[], None), "polyspan.toml");
    }
}
