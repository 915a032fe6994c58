//! Accounts and events as people read them.

use crate::bank::{AccountAnswer, EventAnswer};

pub(super) fn account(account: &AccountAnswer) -> String {
    let AccountAnswer { account_id, owner_name, balance, currency, is_active, sequence } = account;
    let status = if *is_active { "open" } else { "closed" };
    format!(
        "\
account   {account_id}
owner     {owner_name}
balance   {balance} {currency}
status    {status}
sequence  {sequence}"
    )
}

pub(super) fn event(event: &EventAnswer) -> String {
    let EventAnswer { sequence, timestamp, event_type, payload, .. } = event;
    let timestamp = timestamp.format("%Y-%m-%dT%H:%M:%S%.6fZ");
    format!("{sequence:>6}  {timestamp}  {event_type:<15}  {}", payload.get())
}
