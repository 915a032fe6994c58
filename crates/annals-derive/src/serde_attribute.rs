//! Attributes of `serde` that would make events unreadable or give them another form.
//!
//! The name of an event has a column of its own, and its payload is only the fields of the variant.
//! That works because `serde` tells a serializer which variant it writes, and asks a deserializer
//! which one to read. It does neither with the attributes refused here.

use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Meta, Result, Token, Variant};

use crate::errors::collect;

const REPRESENTATION: &str = "changes how the variant is told apart inside the payload, but its \
                              name has a column of its own; remove it";
const OTHER_TYPE: &str = "writes or reads another type than this enum, so its variants are not \
                          the kinds of events; remove it, and use `#[serde(with = \"..\")]` on \
                          fields that need another form";
const IDENTIFIER: &str = "makes the enum a name without fields; remove it";
const SKIPPED: &str = "makes a kind of event that cannot be written or read again; remove it, and \
                       keep the variant for as long as such events stand in a log";
const CATCH_ALL: &str = "reads events of unknown types as this one, but an unknown event must be \
                         an error that names it; remove it";

const REFUSED_ON_ENUM: &[(&str, &str)] = &[
    ("tag", REPRESENTATION),
    ("content", REPRESENTATION),
    ("untagged", REPRESENTATION),
    ("into", OTHER_TYPE),
    ("from", OTHER_TYPE),
    ("try_from", OTHER_TYPE),
    ("variant_identifier", IDENTIFIER),
    ("field_identifier", IDENTIFIER),
];

const REFUSED_ON_VARIANT: &[(&str, &str)] = &[
    ("untagged", REPRESENTATION),
    ("skip", SKIPPED),
    ("skip_serializing", SKIPPED),
    ("skip_deserializing", SKIPPED),
    ("other", CATCH_ALL),
];

/// Refuses attributes on the enum that change its form.
pub(crate) fn check_enum(attributes: &[Attribute]) -> Result<()> {
    check(attributes, REFUSED_ON_ENUM)
}

/// Refuses attributes that keep a variant from being written or read.
pub(crate) fn check_variant(variant: &Variant) -> Result<()> {
    check(&variant.attrs, REFUSED_ON_VARIANT)
}

fn check(attributes: &[Attribute], refused: &[(&str, &str)]) -> Result<()> {
    let found = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    let keys = found.flat_map(|attribute| {
        // What does not parse is reported by serde itself.
        attribute
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .unwrap_or_default()
    });
    collect(keys.map(|key| match refused.iter().find(|(name, _)| key.path().is_ident(name)) {
        Some((name, reason)) => {
            Err(Error::new_spanned(key, format_args!("`#[serde({name})]` {reason}")))
        }
        None => Ok(()),
    }))?;
    Ok(())
}
