//! `[coordination]`.

use std::path::Path;

use polyspan_coordination::EtcdSettings;
use url::Url;

use super::{LEASE, located, span};
use crate::config::form::Raw;
use crate::config::problems::Problems;
use crate::config::raw::{RawCoordination, RawTls};
use crate::config::{CoordinationEntry, EtcdEntry, LoginEntry, MeetingPlace, TlsEntry};
use crate::files::expect_readable;
use crate::keys::{KeyError, require_private};

use std::time::Duration;

/// Keys of each kind; the others of the section are for both.
const EMBEDDED: &[&str] = &["directory"];
const ETCD: &[&str] = &["endpoints", "prefix", "tls", "user", "password_file"];

pub(super) fn check(
    raw: RawCoordination,
    folder: &Path,
    problems: &mut Problems,
) -> Option<CoordinationEntry> {
    problems.unknown("coordination", &raw.unknown, RawCoordination::KEYS);
    let given = given(&raw);
    let kind = problems.or("coordination.kind", raw.kind, "embedded".to_owned());
    let lease = span("coordination.lease", raw.lease, LEASE, Duration::from_secs(300), problems);
    let place = match kind.as_str() {
        "embedded" => {
            refuse(&given, ETCD, "etcd", problems);
            let cure = "name a directory that the relays of this host share";
            let directory = problems.required("coordination.directory", raw.directory, cure);
            directory.map(|directory| MeetingPlace::Embedded(located(folder, directory)))
        }
        "etcd" => {
            refuse(&given, EMBEDDED, "embedded", problems);
            let cure = "list the client URLs of the etcd members";
            let urls = problems.required("coordination.endpoints", raw.endpoints, cure);
            let endpoints = urls.map(|urls| endpoints(&urls, problems));
            let prefix = prefix(raw.prefix, problems);
            let tls = problems.optional("coordination.tls", raw.tls).map(|raw| tls(raw, folder, problems));
            let login = login(raw.user, raw.password_file, folder, problems);
            let endpoints = endpoints?;
            schemes(&endpoints, tls.is_some(), problems);
            Some(MeetingPlace::Etcd(EtcdEntry { endpoints, prefix: prefix?, tls: tls.flatten(), login }))
        }
        other => {
            let message = format!("`{other}` is no kind of coordination; use \"embedded\" or \"etcd\"");
            problems.add("coordination.kind", message);
            None
        }
    };
    Some(CoordinationEntry { place: place?, lease })
}

fn given(raw: &RawCoordination) -> Vec<&'static str> {
    let is_given = [
        ("directory", !matches!(raw.directory, Raw::Missing)),
        ("endpoints", !matches!(raw.endpoints, Raw::Missing)),
        ("prefix", !matches!(raw.prefix, Raw::Missing)),
        ("tls", !matches!(raw.tls, Raw::Missing)),
        ("user", !matches!(raw.user, Raw::Missing)),
        ("password_file", !matches!(raw.password_file, Raw::Missing)),
    ];
    is_given.into_iter().filter_map(|(key, given)| given.then_some(key)).collect()
}

/// A key of the other kind: somebody meant that one, and would wonder.
fn refuse(given: &[&str], foreign: &[&str], kind: &str, problems: &mut Problems) {
    for key in given.iter().filter(|key| foreign.contains(key)) {
        let message = format!("only for kind = \"{kind}\"; set that, or remove this key");
        problems.add(format!("coordination.{key}"), message);
    }
}

fn endpoints(urls: &[String], problems: &mut Problems) -> Vec<Url> {
    if urls.is_empty() {
        problems
            .add("coordination.endpoints", "no endpoint is listed; list the client URLs of the etcd members");
    }
    let mut found: Vec<Url> = Vec::new();
    for (index, text) in urls.iter().enumerate() {
        let path = format!("coordination.endpoints[{index}]");
        match Url::parse(text) {
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                problems
                    .add(path, "a URL is shown in logs; give user and password with the keys of these names");
            }
            Ok(url) if found.contains(&url) => {
                problems.add(path, format!("{url} is listed already; remove it"))
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/" => {
                found.push(url);
            }
            // The text is not repeated: it may carry a secret.
            _ => problems.add(path, "not the client URL of an etcd member; write it as https://HOST:2379"),
        }
    }
    found
}

fn schemes(endpoints: &[Url], has_tls: bool, problems: &mut Problems) {
    let https = endpoints.iter().filter(|url| url.scheme() == "https").count();
    if https > 0 && !has_tls {
        problems
            .add("coordination.tls", "missing, and an endpoint is https; name the files of the certificates");
    }
    if has_tls && https < endpoints.len() {
        problems
            .add("coordination.endpoints", "certificates are given, and an endpoint is http; write https");
    }
}

fn prefix(raw: Raw<String>, problems: &mut Problems) -> Option<String> {
    let prefix = problems.or("coordination.prefix", raw, EtcdSettings::PREFIX.to_owned());
    let fine = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let words = prefix.strip_prefix('/').map(|rest| rest.split('/').all(fine));
    if words != Some(true) {
        let message = format!(
            "`{prefix}` is no prefix of keys; write words of letters, digits, `-`, `_` and `.` as {}",
            EtcdSettings::PREFIX
        );
        problems.add("coordination.prefix", message);
        return None;
    }
    Some(prefix)
}

fn tls(raw: RawTls, folder: &Path, problems: &mut Problems) -> Option<TlsEntry> {
    problems.unknown("coordination.tls", &raw.unknown, RawTls::KEYS);
    let cure = "name the certificate of the authority that signed those of the members";
    let ca = problems.required("coordination.tls.ca", raw.ca, cure).map(|file| located(folder, file));
    let certificate = problems.optional("coordination.tls.certificate", raw.certificate);
    let key = problems.optional("coordination.tls.key", raw.key);
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((located(folder, certificate), located(folder, key))),
        (None, None) => None,
        (given, _) => {
            let missing = if given.is_some() { "key" } else { "certificate" };
            let path = format!("coordination.tls.{missing}");
            problems.add(path, "missing; certificate and key belong together");
            None
        }
    };
    for (path, file) in [("ca", ca.as_ref()), ("certificate", identity.as_ref().map(|(file, _)| file))] {
        if let Some(file) = file
            && let Err(error) = expect_readable(file).and_then(|()| std::fs::File::open(file).map(drop))
        {
            problems.add(
                format!("coordination.tls.{path}"),
                format!("{}: {error}; correct the path", file.display()),
            );
        }
    }
    if let Some((_, key)) = &identity {
        secret("coordination.tls.key", key, problems);
    }
    Some(TlsEntry { ca: ca?, identity })
}

fn login(
    user: Raw<String>,
    password_file: Raw<String>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<LoginEntry> {
    let user = problems.optional("coordination.user", user);
    let password_file = problems.optional("coordination.password_file", password_file);
    match (user, password_file) {
        (Some(user), Some(file)) => {
            let password_file = located(folder, file);
            secret("coordination.password_file", &password_file, problems);
            Some(LoginEntry { user, password_file })
        }
        (None, None) => None,
        (given, _) => {
            let missing = if given.is_some() { "password_file" } else { "user" };
            problems
                .add(format!("coordination.{missing}"), "missing; user and password_file belong together");
            None
        }
    }
}

fn secret(path: &str, file: &Path, problems: &mut Problems) {
    match require_private(file) {
        Ok(()) => {}
        Err(KeyError::Missing(file)) => {
            problems.add(path, format!("{} does not exist; correct the path", file.display()));
        }
        Err(error) => problems.add(path, error),
    }
}
