//! The name of an endpoint, without its secrets.

use std::fmt;

use alloy::transports::http::reqwest::Url;
use polyspan_types::text::is_deceptive;

/// Longest text of a node that is repeated in an error. Unit: characters.
const QUOTE_LIMIT: usize = 300;

/// An endpoint as errors, logs and tables show it: `scheme://host:port`.
///
/// User, password, path and query may be keys of a provider, so none of them is ever shown.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
    shown: String,
    secrets: Vec<String>,
}

impl Endpoint {
    /// Takes the public part out of a URL.
    pub fn new(url: &Url) -> Self {
        let host = url.host_str().unwrap_or("?");
        let shown = match url.port_or_known_default() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        let mut secrets: Vec<String> = [url.as_str(), url.as_str().trim_end_matches('/')]
            .into_iter()
            .chain([url.path().trim_matches('/'), url.query().unwrap_or_default()])
            .chain([url.username(), url.password().unwrap_or_default()])
            .chain(url.path().split('/'))
            // Single words such as `rpc` are no secret, and removing them would spoil every message.
            .filter(|part| part.len() >= 6)
            .map(str::to_owned)
            .collect();
        // Longest first: a part of the URL must not spoil the match of the whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self { url: url.clone(), shown, secrets }
    }

    /// The URL with everything in it, for connecting only.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// Foreign text made fit for an error: own secrets replaced, then as [`quote`].
    pub(crate) fn scrub(&self, text: &str) -> String {
        // Some more than is kept in the end, so that a secret at the border is still whole.
        let mut clean: String = text.chars().take(4 * QUOTE_LIMIT).collect();
        for secret in &self.secrets {
            clean = clean.replace(secret.as_str(), "…");
        }
        quote(&clean)
    }
}

/// Foreign text made fit for an error: control characters and excess length removed.
pub(crate) fn quote(text: &str) -> String {
    let mut characters = text.chars().map(|c| if is_deceptive(c) { ' ' } else { c });
    let mut clean: String = characters.by_ref().take(QUOTE_LIMIT).collect();
    if characters.next().is_some() {
        clean.push_str(" …");
    }
    clean.trim().to_owned()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(&url.parse().unwrap())
    }

    #[test]
    fn only_scheme_host_and_port_are_shown() {
        let secret = endpoint("https://user:passw0rd@node.example/v3/0123456789abcdef?token=zzzzzzzz");
        assert_eq!(secret.to_string(), "https://node.example:443");
        assert_eq!(format!("{secret:?}"), "https://node.example:443");
        assert_eq!(endpoint("ws://127.0.0.1:8546").to_string(), "ws://127.0.0.1:8546");
    }

    #[test]
    fn foreign_text_loses_our_secrets_and_its_excess() {
        let secret = endpoint("https://user:passw0rd@node.example/v3/0123456789abcdef?token=zzzzzzzz");
        let text = secret
            .scrub("cannot reach https://user:passw0rd@node.example/v3/0123456789abcdef?token=zzzzzzzz");
        assert_eq!(text, "cannot reach …");
        for quoted in ["project 0123456789abcdef is over its limit", "login passw0rd", "?token=zzzzzzzz"] {
            let clean = secret.scrub(quoted);
            assert!(
                !["0123456789abcdef", "passw0rd", "zzzzzzzz"].iter().any(|s| clean.contains(s)),
                "{clean}"
            );
        }
        assert!(secret.scrub(&"x".repeat(10_000)).chars().count() < 310);
        assert_eq!(secret.scrub("two\nlines"), "two lines");
    }
}
