//! The reference bank of Annals: accounts that remember everything that happened to them.
//!
//! A model to copy. The domain is pure and does not know how it is stored or called; everything
//! else is a thin rim around it:
//!
//! | Module | What it knows |
//! |---|---|
//! | [`account`] | the aggregate: commands, events, rules |
//! | [`money`] | amounts that are exact, and what they look like |
//! | [`services`] | what the rules may ask besides the state: the time |
//! | [`store`] | opening the log that a URL names |
//! | [`bank`] | the operations, their answers and what can go wrong, for any kind of caller |
//! | [`http`] | the operations as requests and answers, and the server |
//! | [`cli`] | the operations as commands of a program, and its exit codes |
//! | [`import`] | replaying a file of transactions, each row once |
//! | [`sample`] | making up such a file |
//!
//! Whoever builds something of their own starts with [`account`] and replaces it.

pub mod account;
pub mod bank;
pub mod cli;
pub mod http;
pub mod import;
pub mod money;
pub mod sample;
pub mod services;
pub mod store;
