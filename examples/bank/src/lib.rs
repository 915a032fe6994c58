//! The reference bank of Annals: accounts with a complete history.
//!
//! The domain is pure and in [`account`]. Everything else is a thin rim around it: [`bank`] are the
//! operations, [`http`] and [`cli`] offer them, [`import`] replays files of transactions through
//! commands, [`store`] opens the log.

pub mod account;
pub mod bank;
pub mod cli;
pub mod http;
pub mod import;
pub mod money;
pub mod sample;
pub mod services;
pub mod store;
