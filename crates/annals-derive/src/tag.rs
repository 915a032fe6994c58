//! Fields that say what an event is about.

use syn::parse::ParseStream;
use syn::{Attribute, Error, Field, Fields, Ident, LitStr, Member, Meta, Result, Token, Type};

use crate::attribute::refuse;
use crate::errors::collect;
use crate::name::Name;

/// `annals_core::limits::EVENT_TAGS_MAX`.
const EVENT_TAGS_MAX: usize = 16;

const FORMS: &str = "write `#[tag]`, `#[tag(\"key\")]` or `#[tag(key = \"key\")]`";

/// A field with `#[tag]`.
pub(crate) struct TagField<'a> {
    pub(crate) member: Member,
    pub(crate) key: Name,
    pub(crate) field_type: &'a Type,
    /// Whether the field has any number of values, each of which is a tag.
    pub(crate) is_many: bool,
}

impl<'a> TagField<'a> {
    /// The fields of a variant that are tags.
    pub(crate) fn of_variant(fields: &'a Fields) -> Result<Vec<Self>> {
        let found = fields.members().zip(fields).map(|(member, field)| {
            refuse(&field.attrs, "event", "`#[event]` belongs on a variant or on the enum")?;
            Self::of_field(member, field)
        });
        let tags: Vec<Self> = collect(found)?.into_iter().flatten().collect();
        if let Some(one_more) = tags.get(EVENT_TAGS_MAX) {
            let message = format_args!(
                "an event has at most {EVENT_TAGS_MAX} tags, and this field is one more"
            );
            return Err(Error::new_spanned(one_more.field_type, message));
        }
        Ok(tags)
    }

    fn of_field(member: Member, field: &'a Field) -> Result<Option<Self>> {
        let mut attributes = field.attrs.iter().filter(|found| found.path().is_ident("tag"));
        let Some(attribute) = attributes.next() else {
            return Ok(None);
        };
        if let Some(second) = attributes.next() {
            return Err(Error::new_spanned(second, "a field is one tag; remove one `#[tag]`"));
        }
        let key = match (given_key(attribute)?, &field.ident) {
            (Some(key), _) => Name::tag_key(&key)?,
            (None, Some(name)) => Name::of_field(name)?,
            (None, None) => {
                let message = "a field without a name needs a key: write `#[tag(\"..\")]`";
                return Err(Error::new_spanned(attribute, message));
            }
        };
        let is_many = has_many_values(&field.ty);
        Ok(Some(Self { member, key, field_type: &field.ty, is_many }))
    }
}

/// The key in `#[tag("key")]` or `#[tag(key = "key")]`.
fn given_key(attribute: &Attribute) -> Result<Option<LitStr>> {
    let list = match &attribute.meta {
        Meta::Path(_) => return Ok(None),
        Meta::List(list) => list,
        Meta::NameValue(_) => return Err(Error::new_spanned(attribute, FORMS)),
    };
    let key = list.parse_args_with(|input: ParseStream<'_>| {
        if input.peek(Ident) {
            let name: Ident = input.parse()?;
            if name != "key" {
                return Err(Error::new_spanned(name, FORMS));
            }
            input.parse::<Token![=]>()?;
        }
        input.parse()
    })?;
    Ok(Some(key))
}

/// Whether a type is written as one that holds any number of values. A derive sees only what is
/// written, so another name for such a type is not known.
fn has_many_values(field_type: &Type) -> bool {
    match field_type {
        // What a declarative macro puts around a type it was given.
        Type::Group(group) => has_many_values(&group.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            ["Option", "Vec", "BTreeSet", "HashSet"].iter().any(|many| last.ident == many)
        }),
        _ => false,
    }
}
