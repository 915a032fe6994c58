//! The stable names of kinds of events, and the keys of tags.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Error, Ident, LitStr, Result};

/// A checked name and the place to point at when it clashes with another.
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What a name may look like. The bounds are those of `annals_core::limits`, and the tests hold
/// them against each other: linking the core into the compiler to share them would cost every build
/// more than repeating them.
struct Rules {
    what: &'static str,
    bytes_max: usize,
    signs: &'static [char],
}

const EVENT_TYPE: Rules =
    Rules { what: "an event type", bytes_max: 128, signs: &['_', '-', '.', ':'] };

const PREFIX: Rules = Rules { what: "a prefix", ..EVENT_TYPE };

/// The bytes of a tag without the colon and a value of one byte.
const TAG_KEY: Rules = Rules { what: "the key of a tag", bytes_max: 253, signs: &['_', '-', '.'] };

impl Name {
    /// An event type that is written out.
    pub(crate) fn event_type(literal: &LitStr) -> Result<Self> {
        EVENT_TYPE.check(literal.value(), literal.span())
    }

    /// An event type made from a variant's name.
    pub(crate) fn of_variant(variant: &Ident, prefix: Option<&Self>) -> Result<Self> {
        let prefix = prefix.map_or("", |prefix| &prefix.text);
        let text = prefix.to_owned() + &snake_case(&variant.unraw().to_string());
        EVENT_TYPE
            .check(text, variant.span())
            .map_err(|error| with_hint(&error, "give the variant a `#[event(name = \"..\")]`"))
    }

    /// What precedes event types made from variants.
    pub(crate) fn prefix(literal: &LitStr) -> Result<Self> {
        PREFIX.check(literal.value(), literal.span())
    }

    /// The key of a tag that is written out.
    pub(crate) fn tag_key(literal: &LitStr) -> Result<Self> {
        TAG_KEY.check(literal.value(), literal.span())
    }

    /// The key of a tag made from a field's name.
    pub(crate) fn of_field(field: &Ident) -> Result<Self> {
        TAG_KEY
            .check(field.unraw().to_string(), field.span())
            .map_err(|error| with_hint(&error, "write `#[tag(\"..\")]` with a key"))
    }
}

impl Rules {
    fn check(&self, text: String, span: Span) -> Result<Name> {
        let Self { what, bytes_max, signs } = self;
        if text.is_empty() {
            return Err(Error::new(span, format_args!("{what} must not be empty")));
        }
        if text.len() > *bytes_max {
            let bytes = text.len();
            let message = format_args!("{what} has at most {bytes_max} bytes, this has {bytes}");
            return Err(Error::new(span, message));
        }
        let is_allowed = |letter: &char| letter.is_ascii_alphanumeric() || signs.contains(letter);
        if let Some(letter) = text.chars().find(|letter| !is_allowed(letter)) {
            let signs = String::from_iter(signs.iter().flat_map(|sign| [' ', *sign]));
            let message = format_args!(
                "{what} consists of a to z, A to Z, 0 to 9 and{signs}, this has {letter:?}"
            );
            return Err(Error::new(span, message));
        }
        Ok(Name { text, span })
    }
}

fn with_hint(error: &Error, hint: &str) -> Error {
    Error::new(error.span(), format_args!("{error}; {hint}"))
}

/// `MoneyDeposited` as `money_deposited`.
///
/// A word begins at a capital after a small letter or a digit, and at the last capital of several
/// if a small letter follows. A digit belongs to the word before it. The names stand in logs, so
/// this must give the same answers for ever.
fn snake_case(identifier: &str) -> String {
    let mut name = String::with_capacity(identifier.len() + 8);
    let mut before = None::<char>;
    let mut letters = identifier.chars().peekable();
    while let Some(letter) = letters.next() {
        let ends_capitals = letters.peek().is_some_and(char::is_ascii_lowercase);
        let begins_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| match before {
                'a'..='z' | '0'..='9' => true,
                'A'..='Z' => ends_capitals,
                _ => false,
            });
        if begins_word {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
        before = Some(letter);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_outside_ascii_need_a_name_or_key() {
        let identifier = Ident::new("Gr\u{fc}n", Span::call_site());
        let refused = |result: Result<Name>| result.err().map(|error| error.to_string());
        assert_eq!(
            refused(Name::of_variant(&identifier, None)).unwrap(),
            "an event type consists of a to z, A to Z, 0 to 9 and _ - . :, this has '\u{fc}'; \
             give the variant a `#[event(name = \"..\")]`"
        );
        assert_eq!(
            refused(Name::of_field(&identifier)).unwrap(),
            "the key of a tag consists of a to z, A to Z, 0 to 9 and _ - ., this has '\u{fc}'; \
             write `#[tag(\"..\")]` with a key"
        );
    }

    /// Names of variants that exist somewhere: a change here orphans their events.
    #[test]
    fn names_of_variants_never_change() {
        for (variant, name) in [
            ("Opened", "opened"),
            ("MoneyDeposited", "money_deposited"),
            ("X", "x"),
            ("IBANChanged", "iban_changed"),
            ("AccountIBANChanged", "account_iban_changed"),
            ("IBAN", "iban"),
            ("AWon", "a_won"),
            ("PlanBChosen", "plan_b_chosen"),
            ("Sha256Computed", "sha256_computed"),
            ("Step2Done", "step2_done"),
            ("Step2", "step2"),
            ("Http2XXSeen", "http2_xx_seen"),
            ("Pay3DSecure", "pay3_d_secure"),
            ("IDsMerged", "i_ds_merged"),
            ("Money_Deposited", "money_deposited"),
            ("MoneyV2_Deposited", "money_v2_deposited"),
            ("opened", "opened"),
            ("_Opened", "_opened"),
        ] {
            assert_eq!(snake_case(variant), name, "{variant}");
        }
    }
}
