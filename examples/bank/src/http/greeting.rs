//! What a newcomer reads first.

use crate::money::CURRENCY;
use crate::store::StoreUrl;

/// Says what this is, where it listens, where its log is, and what to try.
pub(super) fn greeting(url: &str, store: &StoreUrl) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let post = "curl -H 'content-type: application/json' -d";
    let alice = r#"{"account_id":"alice","owner_name":"Alice","initial_balance":10000}"#;
    let amount = r#"{"amount":2550}"#;
    format!(
        "\
Annals bank {version}: accounts that remember everything that happened to them
listening on {url}
log          {store}

Try:
  {post} '{alice}' {url}/accounts
  {post} '{amount}' {url}/accounts/alice/deposits
  curl {url}/accounts/alice/history

Amounts are minor units: 2550 is 25.50 {CURRENCY}. Ctrl-C stops the bank, its log stays.
"
    )
}
