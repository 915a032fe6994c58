//! `#[derive(DomainEvent)]` for Annals.
//!
//! The one macro of this crate, [`DomainEvent`], is documented with its attributes on its own page.
//! Users get it from `annals`, together with the trait of the same name that it implements.
//!
//! The derive sees one type at a time and only what is written there. It checks everything it can
//! while the user's crate is compiled, because what it gets wrong would stand in a log for ever.

mod attribute;
mod errors;
mod kind;
mod kinds;
mod name;
mod options;
mod serde_attribute;
mod tag;
mod union;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, parse_macro_input};

use crate::options::Options;

/// Makes an enum a type of events: each variant is a kind of event with a stable name and a
/// version.
///
/// The enum also derives `Serialize` and `Deserialize`, in serde's default form. The payload is the
/// fields of the variant as JSON; the name of the kind is not part of it, it has a column of its
/// own.
///
/// ```
/// # use annals_core::{DomainEvent as _, Json, StreamId, codec};
/// # use annals_derive::DomainEvent;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// enum AccountEvent {
///     AccountOpened { owner: String },
///     MoneyDeposited { amount: i64 },
///     AccountClosed,
/// }
///
/// # let stream = StreamId::new("account", "1")?;
/// # let metadata = Json::empty_object();
/// let event = codec::encode(&stream, &AccountEvent::MoneyDeposited { amount: 5 }, &metadata)?;
/// assert_eq!(event.event_type().as_str(), "money_deposited");
/// assert_eq!(event.event_version(), 1);
/// assert_eq!(event.payload().as_str(), r#"{"amount":5}"#);
/// # let closed = codec::encode(&stream, &AccountEvent::AccountClosed, &metadata)?;
/// # assert_eq!(closed.payload().as_str(), "{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A variant without fields has the payload `{}` and can get optional fields later. A variant with
/// one field without a name has the payload of that field, one with several an array.
///
/// # Names
///
/// A variant `MoneyDeposited` is written as `money_deposited`. A word begins at a capital after a
/// small letter or a digit, and at the last capital of several if a small letter follows:
/// `IBANChanged` is `iban_changed`, `Sha256Computed` is `sha256_computed`, `Pay3DSecure` is
/// `pay3_d_secure`. Where that is not what you want, set the name.
///
/// | On a variant | |
/// |---|---|
/// | `#[event(name = "..")]` | The name that is written. |
/// | `#[event(alias = "..")]` | A name that older events of this kind have. Any number of them. |
///
/// | On the enum | |
/// |---|---|
/// | `#[event(prefix = "..")]` | Precedes names made from variants, not names written out. |
///
/// A name has at most 128 bytes of `a-z A-Z 0-9 _ - . :`, and no two variants share a name or an
/// alias. It stands in the log for as long as the log exists, so whoever renames a variant keeps
/// the old name with `name`, or reads it with `alias`:
///
/// ```
/// # use annals_core::DomainEvent as _;
/// # use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, DomainEvent)]
/// #[event(prefix = "account.")]
/// # #[event(crate = "annals_core")]
/// enum AccountEvent {
///     Opened,
///     #[event(alias = "account.credited", alias = "credit")]
///     Deposited { amount: i64 },
///     #[event(name = "AccountClosed")]
///     Closed,
/// }
///
/// let names: Vec<_> = AccountEvent::kinds().iter().map(|kind| kind.name).collect();
/// assert_eq!(names, ["account.opened", "account.deposited", "AccountClosed"]);
/// let kind = AccountEvent::find_kind("credit").expect("an alias of Deposited");
/// assert_eq!(kind.name, "account.deposited");
/// ```
///
/// # Versions
///
/// The version of a kind counts the forms of its payload. It begins at 1 and is raised when old
/// payloads no longer fit the fields. A new field with `#[serde(default)]` needs no new version.
///
/// | On a variant | |
/// |---|---|
/// | `#[event(version = 3)]` | The version that is written, 1 to 65535. |
/// | `#[event(upcast(1 = path, 2 = path))]` | How version 1 becomes version 2, and so on. |
///
/// Each upcaster is a `fn(serde_json::Value) -> Result<serde_json::Value, BoxError>` for one step.
/// An event of an old version passes through all of them from its own on. It must not fail for
/// any payload that was ever written. A version without an upcaster cannot be read, which is an
/// error and never a skipped event. Integers of more than 64 bits become floats in a
/// `serde_json::Value`.
///
/// ```
/// # use annals_core::{BoxError, DomainEvent as _};
/// # use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
/// use serde_json::{Value, json};
///
/// #[derive(Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// enum AccountEvent {
///     /// Version 1 was the amount alone.
///     #[event(version = 2, upcast(1 = add_currency))]
///     MoneyDeposited { amount: i64, currency: String },
/// }
///
/// fn add_currency(payload: Value) -> Result<Value, BoxError> {
///     Ok(json!({ "amount": payload, "currency": "CZK" }))
/// }
///
/// # use annals_core::{EventType, Json, NewEvent, Position, Sequence, StreamId, codec};
/// # use annals_core::{Clock, SystemClock};
/// # let old = NewEvent::new(
/// #     StreamId::new("account", "1")?,
/// #     EventType::new("money_deposited")?,
/// #     1,
/// #     Json::parse("payload", "500", 100)?,
/// # )?;
/// # let recorded = old.recorded_at(Position::new(1)?, Sequence::new(1)?, SystemClock.now());
/// // An event of version 1 with the payload 500:
/// let AccountEvent::MoneyDeposited { amount, currency } = codec::decode(&recorded)?;
/// assert_eq!((amount, currency.as_str()), (500, "CZK"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Tags
///
/// Tags say what an event is about beyond its stream, so that a query can select it by them.
///
/// | On a field | |
/// |---|---|
/// | `#[tag]` | The tag `field:value`, with the field's name and its value as `Display` shows it. |
/// | `#[tag("key")]`, `#[tag(key = "key")]` | The same with this key. |
///
/// A field without a name needs a key. A field whose type is written as `Option`, `Vec`,
/// `BTreeSet` or `HashSet` is one tag for each value in it; another name for such a type is not
/// recognised. An event has at most 16 tags. A key consists of `a-z A-Z 0-9 _ - .`; a value that is
/// empty, too long or contains control characters refuses the event before anything is written.
/// Fields stay in the payload whether they are tags or not.
///
/// ```
/// # use annals_core::DomainEvent as _;
/// # use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// enum TransferEvent {
///     Requested {
///         #[tag("account")]
///         from: u64,
///         #[tag("account")]
///         to: u64,
///         #[tag]
///         reference: Option<String>,
///         amount: i64,
///     },
/// }
///
/// let event = TransferEvent::Requested { from: 1, to: 2, reference: None, amount: 500 };
/// let tags: Vec<_> = event.tags()?.iter().map(ToString::to_string).collect();
/// assert_eq!(tags, ["account:1", "account:2"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Unions
///
/// A subscription or a decision may need the events of several aggregates. `#[event(union)]` makes
/// an enum of them whose variants each wrap one event type, which may be a union itself. A union
/// has no names of its own and leaves nothing of itself in the log: its events are written and read
/// as those they wrap. It needs neither `Serialize` nor `Deserialize`. Two parts that share a name
/// or an alias are refused, because the log could not tell their events apart.
///
/// ```
/// # use annals_core::DomainEvent as _;
/// # use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// # enum AccountEvent {
/// #     AccountOpened,
/// # }
/// # #[derive(Serialize, Deserialize, DomainEvent)]
/// # #[event(crate = "annals_core")]
/// # enum TransferEvent {
/// #     TransferRequested { amount: i64 },
/// # }
/// #[derive(DomainEvent)]
/// #[event(union)]
/// # #[event(crate = "annals_core")]
/// enum BankEvent {
///     Account(AccountEvent),
///     Transfer(TransferEvent),
/// }
///
/// let names: Vec<_> = BankEvent::kinds().iter().map(|kind| kind.name).collect();
/// assert_eq!(names, ["account_opened", "transfer_requested"]);
/// let event = BankEvent::Transfer(TransferEvent::TransferRequested { amount: 5 });
/// assert_eq!(event.write_payload()?, r#"{"amount":5}"#);
/// # let account = BankEvent::Account(AccountEvent::AccountOpened);
/// # assert_eq!(account.write_payload()?, "{}");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # What serde may do
///
/// Attributes on fields keep their meaning (`rename`, `alias`, `default`, `with`, `flatten`,
/// `skip_serializing_if` and so on), as do `rename_all`, `rename_all_fields` and
/// `deny_unknown_fields`. What serde calls a variant does not matter, because variants are told
/// apart by their names in the log. Integers of more than 64 bits cannot be read back through
/// `flatten`, nor through nested enums with `tag` or `untagged`.
///
/// Refused are attributes that would give events another form or make them unreadable: on the enum
/// `tag`, `content`, `untagged`, `into`, `from` and `try_from`, on a variant `untagged`, `skip`,
/// `skip_serializing`, `skip_deserializing` and `other`. To retire a kind of event, mark its
/// variant as `#[deprecated]` and keep it for as long as such events stand in a log.
///
/// Refused as well are structs, and enums with type parameters or lifetimes: a name stands for one
/// form of payload.
///
/// # Where the code looks for Annals
///
/// The derived code refers to `::annals`. A crate that uses its parts directly, or under another
/// name, says so on the enum with `#[event(crate = "annals_core")]`.
///
/// ```
/// use annals_core::DomainEvent as _;
/// use annals_derive::DomainEvent;
/// # use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, DomainEvent)]
/// #[event(crate = "annals_core")]
/// enum AccountEvent {
///     Opened,
/// }
///
/// assert_eq!(AccountEvent::Opened.kind().name, "opened");
/// ```
#[proc_macro_derive(DomainEvent, attributes(event, tag))]
pub fn derive_domain_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        let message = "a domain event is an enum with one variant for each kind of event; make \
                       this a variant of one";
        return Err(Error::new_spanned(&input.ident, message));
    };
    if !input.generics.params.is_empty() {
        let message = "a domain event has no parameters, because a name stands for one form of \
                       payload as long as the log exists; write the types out, and let it own \
                       its data";
        return Err(Error::new_spanned(&input.generics, message));
    }
    let options = Options::parse(&input.attrs)?;
    if data.variants.is_empty() {
        let message = "a domain event has at least one kind; add a variant";
        return Err(Error::new_spanned(&input.ident, message));
    }
    let implementation = match &options.union {
        Some(_) => union::expand(input, data, &options)?,
        None => kinds::expand(input, data, &options)?,
    };
    // The statics get a scope of their own.
    Ok(quote!(const _: () = { #implementation };))
}
