//! What `#[event(..)]` on the enum says.

use syn::{Attribute, Error, LitStr, Path, Result, parse_quote};

use crate::attribute::{refuse, set_once};
use crate::name::Name;

const KEYS: &str = "the keys on an enum are `union`, `prefix` and `crate`";

pub(crate) struct Options {
    /// Where the generated code finds the vocabulary.
    pub(crate) krate: Path,
    /// What precedes every name made from a variant.
    pub(crate) prefix: Option<Name>,
    /// The key `union`, if it is given.
    pub(crate) union: Option<Path>,
}

impl Options {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        refuse(attributes, "tag", "`#[tag]` belongs on a field of a variant")?;
        let (mut krate, mut prefix, mut union) = (None, None, None);
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    let text: LitStr = meta.value()?.parse()?;
                    let path = text.parse_with(Path::parse_mod_style).map_err(|_| {
                        Error::new_spanned(&text, "write a path, as in `crate = \"annals_core\"`")
                    })?;
                    set_once(&mut krate, &meta, path)
                } else if meta.path.is_ident("prefix") {
                    set_once(&mut prefix, &meta, Name::prefix(&meta.value()?.parse()?)?)
                } else if meta.path.is_ident("union") {
                    set_once(&mut union, &meta, meta.path.clone())
                } else {
                    Err(meta.error(format_args!("unknown key; {KEYS}")))
                }
            })?;
        }
        if let (Some(_), Some(prefix)) = (&union, &prefix) {
            return Err(Error::new(
                prefix.span,
                "a union has no names of its own; give the prefix to the enums it is made of",
            ));
        }
        Ok(Self { krate: krate.unwrap_or_else(|| parse_quote!(::annals)), prefix, union })
    }
}
