//! What a newcomer reads first.

use std::net::SocketAddr;

use crate::store::StoreUrl;

/// Says what this is, where it listens, where its log is, and what to try.
pub(super) fn greeting(address: SocketAddr, store: &StoreUrl) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let url = format!("http://{address}");
    let post = "curl -H 'content-type: application/json' -d";
    format!(
        "\
Annals bank {version}: accounts that remember everything that happened to them
listening on {url}
log          {store}

Try:
  {post} '{{\"account_id\":\"alice\",\"owner_name\":\"Alice\",\"initial_balance\":10000}}' {url}/accounts
  {post} '{{\"amount\":2550}}' {url}/accounts/alice/deposits
  curl {url}/accounts/alice/history

Amounts are minor units: 2550 is 25.50 {currency}. Ctrl-C stops the bank, its log stays.
",
        currency = crate::money::CURRENCY,
    )
}
