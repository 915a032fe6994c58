//! API keys: made by an application's command line, kept as events, checked in memory.
//!
//! A key is 256 random bits behind an id. The log has the id, the SHA-256 of the key, whose it is,
//! what it permits and until when, and that it was revoked. The key itself is shown once and
//! kept nowhere.
//!
//! A fast hash is enough: nobody finds 256 random bits by trying, so the slowness and the salt that
//! protect passwords, which people choose, would only cost time with each request.

mod aggregate;
mod keys;
mod last_used;
mod registry;
mod secret;
mod table;

pub use self::keys::{ApiKeyFollower, ApiKeys};
pub use self::last_used::{LastUsed, LastUsedError, LastUsedFile, LastUses};
pub use self::registry::{ApiKeyError, ApiKeyRegistry, CreatedApiKey, NewApiKey};
pub(super) use self::secret::is_api_key;
pub use self::secret::{ApiKeySecret, KeyId};
pub use self::table::ApiKeyEntry;

/// Most API keys that were ever created in one log.
///
/// All of them are in memory, revoked ones too, and take a few hundred bytes each. Ten new keys a
/// day are enough for it to last for years.
pub const API_KEYS_MAX: usize = 50_000;
