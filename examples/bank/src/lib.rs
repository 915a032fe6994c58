//! The reference bank of Annals: accounts that remember everything that happened to them.
//!
//! A model to copy. The domain is pure and does not know how it is stored or called; everything
//! else is a thin rim around it:
//!
//! | Module | What it knows |
//! |---|---|
//! | [`account`] | the aggregate: commands, events, rules |
//! | [`account_summary`] | the accounts as queries see them: a read model in SQL |
//! | [`account_statement`] | what moved, month by month: a read model of documents |
//! | [`transfer`] | a second aggregate: money that is to move, and when to choose which way |
//! | [`transfer_saga`] | moving it by a saga: one account after the other, refunded if need be |
//! | [`instant_transfer`] | moving it by one decision over both accounts |
//! | [`money`] | amounts that are exact, and what they look like |
//! | [`services`] | what the rules may ask besides the state: the time |
//! | [`store`] | opening the log that a URL names |
//! | [`read_models`] | opening the read models, keeping them up to date, looking after them |
//! | [`transfers`] | the operations on transfers |
//! | [`bank`] | the operations, their answers and what can go wrong, for any kind of caller |
//! | [`http`] | the operations as requests and answers, and the server |
//! | [`cli`] | the operations as commands of a program, and its exit codes |
//! | [`authentication`] | who may use the bank while it is served |
//! | [`keys`] | where the API keys of those who may use the bank are |
//! | [`import`] | replaying a file of transactions, each row once |
//! | [`sample`] | making up such a file |
//!
//! Whoever builds something of their own starts with [`account`] and replaces it.

pub mod account;
pub mod account_statement;
pub mod account_summary;
pub mod authentication;
pub mod bank;
pub mod cli;
pub mod http;
pub mod import;
pub mod instant_transfer;
pub mod keys;
pub mod money;
pub mod read_models;
pub mod sample;
pub mod services;
pub mod store;
pub mod transfer;
pub mod transfer_saga;
pub mod transfers;
