//! What `#[event]` and `#[tag]` have in common wherever they stand.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Result};

/// Keeps the value of a key that may be given once.
pub(crate) fn set_once<T>(
    place: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    value: T,
) -> Result<()> {
    if place.is_some() {
        return Err(meta.error("this key is given twice"));
    }
    *place = Some(value);
    Ok(())
}

/// Refuses attributes of the derive at a place where they have no meaning.
pub(crate) fn refuse(attributes: &[Attribute], name: &str, message: &str) -> Result<()> {
    match attributes.iter().find(|attribute| attribute.path().is_ident(name)) {
        Some(attribute) => Err(Error::new_spanned(attribute, message)),
        None => Ok(()),
    }
}
