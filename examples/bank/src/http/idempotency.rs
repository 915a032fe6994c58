//! Requests that can be repeated: the `Idempotency-Key` header.

use annals::CommandId;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::http::problem::{Kind, Problem};

const HEADER: &str = "idempotency-key";

/// Longest key, in characters.
const CHARACTERS_MAX: usize = 255;

/// Command ids of requests are derived in this namespace. With another one, requests from before
/// could be repeated.
const NAMESPACE: Uuid = Uuid::from_u128(0x257f_27ea_6acb_49e5_9d94_558a_7bea_76fe);

/// The command id that comes with the request's key, method and path, if it has a key: the same
/// request, the same id.
#[derive(Debug)]
pub(super) struct IdempotencyKey(pub(super) Option<CommandId>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut keys = parts.headers.get_all(HEADER).iter();
        let Some(key) = keys.next() else { return Ok(Self(None)) };
        let is_visible = key.as_bytes().iter().all(u8::is_ascii_graphic);
        if keys.next().is_some() || !is_visible || !(1..=CHARACTERS_MAX).contains(&key.len()) {
            let detail = format!(
                "there may be one {HEADER}, of 1 to {CHARACTERS_MAX} visible ASCII characters"
            );
            return Err(Problem::new(Kind::MALFORMED_HEADER, detail));
        }
        // The key comes last, and neither method nor path contains a line break.
        let mut name = format!("{}\n{}\n", parts.method, parts.uri.path()).into_bytes();
        name.extend(key.as_bytes());
        Ok(Self(Some(CommandId::derived(&NAMESPACE, &name))))
    }
}
