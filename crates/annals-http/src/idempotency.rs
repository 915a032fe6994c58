//! Requests that can be repeated: the `Idempotency-Key` header.

use std::fmt::Write as _;

use annals_core::{CommandId, EventStore, Metadata, Read};
use axum::extract::OriginalUri;
use axum::http::HeaderName;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::context::RequestMetadata;
use crate::problem::{Fault, Kind, Problem};

/// The header that makes a request safe to repeat.
pub const IDEMPOTENCY_KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest key, in characters.
pub const IDEMPOTENCY_KEY_CHARACTERS_MAX: usize = 255;

/// Command ids of requests are derived in this namespace. With another one, requests from before
/// could be repeated.
const NAMESPACE: Uuid = Uuid::from_u128(0x8c2f_93f1_7a55_4f0b_b3d9_6e1f_20c4_5d37);

/// The entry in the metadata of events that says which body led to them.
const DIGEST_ENTRY: &str = "request_digest";

/// What a key makes of a request: the command id, and the digest of its body.
///
/// The id is derived from method, path, actor and key, so that nobody meets the key of somebody
/// else. The digest stands in the metadata of the events that the command leads to. A repeat finds
/// those events by the command id (guarantee G6), at any later time and from any process, and its
/// own digest must be the one it finds there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeatable {
    pub(crate) command_id: CommandId,
    digest: String,
}

impl Repeatable {
    /// `None` if the request has no key.
    pub(crate) fn of(parts: &Parts, body: &[u8]) -> Result<Option<Self>, Problem> {
        let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY_HEADER).iter();
        let Some(key) = keys.next() else { return Ok(None) };
        let is_visible = key.as_bytes().iter().all(u8::is_ascii_graphic);
        let is_short = (1..=IDEMPOTENCY_KEY_CHARACTERS_MAX).contains(&key.len());
        if keys.next().is_some() || !is_visible || !is_short {
            let detail = format!(
                "there may be one {IDEMPOTENCY_KEY_HEADER}, of 1 to \
                {IDEMPOTENCY_KEY_CHARACTERS_MAX} visible ASCII characters"
            );
            let fault = Fault::new(IDEMPOTENCY_KEY_HEADER.as_str(), &detail);
            return Err(Problem::new(Kind::MALFORMED_HEADER, detail).with_faults(vec![fault]));
        }
        // Inside a nested router, the path is cut.
        let whole = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        let metadata = parts.extensions.get::<RequestMetadata>();
        let actor = metadata.and_then(|metadata| metadata.0.actor.as_deref()).unwrap_or_default();
        // Neither a method, a path, an actor nor a key contains a line break.
        let mut name = format!("{}\n{}\n{actor}\n", parts.method, whole.path()).into_bytes();
        name.extend(key.as_bytes());
        let command_id = CommandId::derived(&NAMESPACE, &name);
        Ok(Some(Self { command_id, digest: digest(whole.query().unwrap_or_default(), body) }))
    }

    /// Notes the digest in what accompanies the events.
    pub(crate) fn note(&self, metadata: Metadata) -> Metadata {
        metadata.header(DIGEST_ENTRY, self.digest.as_str())
    }

    /// Makes sure that the outcome in the log is that of the same body.
    pub(crate) async fn check(&self, store: &dyn EventStore) -> Result<(), Problem> {
        let Some(first) = store.find_command(self.command_id).await? else { return Ok(()) };
        let read = Read::all().after(first.first_position.before()).up_to(first.first_position);
        let page = store.read(read.limit(1)).await?;
        let metadata = page.events.first().and_then(|event| event.read_metadata().ok());
        let noted = metadata.and_then(|mut metadata| metadata.headers.remove(DIGEST_ENTRY));
        if noted.as_ref() == Some(&self.digest) { Ok(()) } else { Err(Problem::key_reused()) }
    }
}

/// Of the bytes as they came (but decompressed): clients repeat a request, they do not rewrite it.
fn digest(query: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(query.as_bytes());
    hash.update(b"\n");
    hash.update(body);
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}
