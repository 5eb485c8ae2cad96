//! Reads everything, page by page, whatever somebody put there.

use etcd_client::{GetOptions, GetResponse};

use super::endpoints::{CallError, Endpoints};
use super::layout::{Key, Layout, end_of};
use super::mirror::{Entry, Mirror, Scope, Taken};

/// Keys of one page. Unit: keys. Source: with ours of about 700 bytes far below the 4 MiB that a message may have.
const PAGE: i64 = 256;

/// How often a page is asked for again that no endpoint gave in time: beginning anew with each slow answer, a busy etcd that holds
/// much would never be read to its end.
const AGAIN: u8 = 2;

/// A reading in progress.
struct Reading<'a> {
    endpoints: &'a Endpoints,
    layout: &'a Layout,
    end: String,
    found: Mirror,
    /// First key of the next page.
    from: Vec<u8>,
    limit: i64,
}

/// Reads all keys of the layout as of one revision into `found`, an empty mirror.
///
/// Errors: no endpoint answers, or the revision was compacted meanwhile.
pub(super) async fn load(endpoints: &Endpoints, layout: &Layout, found: Mirror) -> Result<Mirror, CallError> {
    let from = layout.prefix().as_bytes().to_vec();
    let mut reading = Reading { endpoints, layout, end: end_of(layout.prefix()), found, from, limit: PAGE };
    while reading.page().await? {}
    Ok(reading.found)
}

impl Reading<'_> {
    /// Reads a page; false after the last one.
    async fn page(&mut self) -> Result<bool, CallError> {
        match self.fetch(self.limit, false).await {
            Ok(page) => {
                let more = self.take(&page);
                // After a page that was too large the next ones may be as usual.
                self.limit = (self.limit * 2).min(PAGE);
                Ok(more)
            }
            Err(CallError::TooLarge) if self.limit > 1 => {
                self.limit = (self.limit / 8).max(1);
                Ok(true)
            }
            Err(CallError::TooLarge) => self.step_over().await,
            Err(error) => Err(error),
        }
    }

    /// One value alone is larger than a message may be: its key is enough.
    async fn step_over(&mut self) -> Result<bool, CallError> {
        let page = self.fetch(1, true).await?;
        let Some(entry) = page.kvs().first() else { return Ok(false) };
        self.found.skip(entry.key());
        self.from = after(entry.key());
        self.limit = PAGE;
        Ok(page.more())
    }

    async fn fetch(&self, limit: i64, keys_only: bool) -> Result<GetResponse, CallError> {
        let mut options = GetOptions::new()
            .with_range(self.end.as_str())
            .with_limit(limit)
            .with_revision(self.found.revision);
        if keys_only {
            options = options.with_keys_only();
        }
        let from = &self.from;
        let mut failed = 0;
        loop {
            let page = self.endpoints.call(|mut client| {
                let (from, options) = (from.clone(), options.clone());
                async move { client.get(from, Some(options)).await }
            });
            match page.await {
                Err(CallError::Elsewhere(_)) if failed < AGAIN => failed += 1,
                answered => return answered,
            }
        }
    }

    fn take(&mut self, page: &GetResponse) -> bool {
        if self.found.revision == 0 {
            // All pages show the same moment.
            self.found.revision = page.header().map_or(0, etcd_client::ResponseHeader::revision);
        }
        for pair in page.kvs() {
            let entry = Entry { key: pair.key(), value: Some(pair.value()), lease: pair.lease() };
            self.from = after(pair.key());
            if let (Some(key), Taken::Full(scope)) = self.found.take(entry) {
                return self.jump(&key, scope);
            }
        }
        page.more() && !page.kvs().is_empty()
    }

    /// Leaves out the rest of what is full. False when nothing more is to be read.
    fn jump(&mut self, key: &Key, scope: Scope) -> bool {
        let layout = self.layout;
        let past = match scope {
            Scope::Lane(lane) => layout.attestations_of(&key.member, lane),
            Scope::Attestations => layout.attestations(&key.member),
            Scope::Keys => layout.keys(&key.member),
            Scope::Claims => layout.claims(&key.member),
            Scope::Decisions => layout.decisions(&key.member),
            Scope::Member => layout.of_member(&key.member),
            // One key: the next one may be taken.
            Scope::Report => return true,
            Scope::Members => return false,
        };
        self.from = end_of(&past).into_bytes();
        true
    }
}

/// The first key after `key`.
fn after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
