//! Who sends a request, and what they may do.
//!
//! | Request | Answer |
//! |---|---|
//! | without `Authorization: Bearer` | 401 `unauthenticated` |
//! | with two of them | 400 `malformed_header` |
//! | with a key or token that is not good (any more) | 401 `invalid_credentials` |
//! | of somebody who has not the role | 403 `forbidden` |
//! | of somebody who sends too many | 429 `too_many_requests`, with `Retry-After` |
//! | with an API key while the log of keys cannot be read | 503 `authentication_unavailable` |

mod api_key;
mod authentication;
mod denied;
mod jwt;
mod layer;
mod principal;
mod rate_limit;
mod role;

pub use self::api_key::{
    API_KEYS_MAX, ApiKeyEntry, ApiKeyError, ApiKeyFollower, ApiKeyRegistry, ApiKeySecret, ApiKeys,
    CreatedApiKey, KeyId, LastUsed, LastUsedError, LastUsedFile, LastUses, NewApiKey,
};
pub use self::authentication::{AUTHORIZATION_BYTES_MAX, Authentication, Exposed};
pub use self::denied::{CredentialError, Denied};
pub use self::jwt::{Jwt, JwtFollower, JwtOptions, KeyFileError, KeySetError};
pub use self::layer::{authenticate, require};
pub use self::principal::{Principal, Proof, Subject};
pub use self::rate_limit::{COUNTED_PRINCIPALS_MAX, Exceeded, RateLimit};
pub use self::role::{Role, Roles, UnknownRole};
