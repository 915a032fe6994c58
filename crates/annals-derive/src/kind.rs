//! One variant: its name, its versions, its tags.

use quote::format_ident;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::token::Paren;
use syn::{Error, Expr, Ident, LitInt, LitStr, Result, Token, Variant, parenthesized};

use crate::attribute::{refuse, set_once};
use crate::errors::collect;
use crate::name::Name;
use crate::options::Options;
use crate::serde_attribute;
use crate::tag::TagField;

/// `annals_core::limits::EVENT_VERSION_MAX`.
const EVENT_VERSION_MAX: u32 = 65_535;

const KEYS: &str = "the keys on a variant are `name`, `version`, `alias` and `upcast`";

const UPCAST_FORM: &str = "write `upcast(1 = path::to::function)`, one for each older version";

pub(crate) struct Kind<'a> {
    pub(crate) variant: &'a Ident,
    /// Which variant it is, counted from 0 as serde does.
    pub(crate) index: u32,
    /// What the static that describes it is called.
    pub(crate) constant: Ident,
    pub(crate) name: Name,
    pub(crate) version: u32,
    pub(crate) aliases: Vec<Name>,
    /// The versions that can be lifted and how, in ascending order.
    pub(crate) upcasters: Vec<(u32, Expr)>,
    pub(crate) tags: Vec<TagField<'a>>,
}

impl<'a> Kind<'a> {
    pub(crate) fn parse(index: u32, variant: &'a Variant, options: &Options) -> Result<Self> {
        serde_attribute::check_variant(variant)?;
        refuse(&variant.attrs, "tag", "`#[tag]` belongs on a field of the variant")?;
        let given = Given::parse(variant)?;
        let name = match &given.name {
            Some(name) => Name::event_type(name)?,
            None => Name::of_variant(&variant.ident, options.prefix.as_ref())?,
        };
        let version = given.version.as_ref().map_or(Ok(1), version)?;
        Ok(Self {
            variant: &variant.ident,
            index,
            constant: format_ident!("KIND_{index}"),
            name,
            version,
            aliases: collect(given.aliases.iter().map(Name::event_type))?,
            upcasters: upcasters(version, given.upcasters.unwrap_or_default())?,
            tags: TagField::of_variant(&variant.fields)?,
        })
    }

    /// The name and the aliases.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.name).chain(&self.aliases)
    }
}

/// What the attributes on a variant say, before it is checked.
#[derive(Default)]
struct Given {
    name: Option<LitStr>,
    version: Option<LitInt>,
    aliases: Vec<LitStr>,
    upcasters: Option<Punctuated<UpcasterEntry, Token![,]>>,
}

impl Given {
    fn parse(variant: &Variant) -> Result<Self> {
        let mut given = Self::default();
        for attribute in variant.attrs.iter().filter(|found| found.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| given.take(&meta))?;
        }
        Ok(given)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("name") {
            set_once(&mut self.name, meta, meta.value()?.parse()?)
        } else if meta.path.is_ident("version") {
            set_once(&mut self.version, meta, meta.value()?.parse()?)
        } else if meta.path.is_ident("alias") {
            self.aliases.push(meta.value()?.parse()?);
            Ok(())
        } else if meta.path.is_ident("upcast") {
            if !meta.input.peek(Paren) {
                return Err(meta.error(UPCAST_FORM));
            }
            let entries;
            parenthesized!(entries in meta.input);
            set_once(&mut self.upcasters, meta, Punctuated::parse_terminated(&entries)?)
        } else {
            Err(meta.error(format_args!("unknown key; {KEYS}")))
        }
    }
}

/// `1 = path::to::function`.
struct UpcasterEntry {
    from_version: LitInt,
    function: Expr,
}

impl Parse for UpcasterEntry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let from_version =
            input.parse().map_err(|error: Error| Error::new(error.span(), UPCAST_FORM))?;
        input.parse::<Token![=]>()?;
        Ok(Self { from_version, function: input.parse()? })
    }
}

fn version(literal: &LitInt) -> Result<u32> {
    match literal.base10_parse() {
        Ok(version @ 1..=EVENT_VERSION_MAX) => Ok(version),
        _ => {
            let message = format_args!("a version is a number from 1 to {EVENT_VERSION_MAX}");
            Err(Error::new_spanned(literal, message))
        }
    }
}

fn upcasters(
    current: u32,
    entries: impl IntoIterator<Item = UpcasterEntry>,
) -> Result<Vec<(u32, Expr)>> {
    let mut upcasters = Vec::<(u32, Expr)>::new();
    for UpcasterEntry { from_version: literal, function } in entries {
        let from_version = version(&literal)?;
        if from_version >= current {
            let message = format_args!(
                "an upcaster reads an older version than the current one, which is {current}; \
                 raise `version`"
            );
            return Err(Error::new_spanned(literal, message));
        }
        if upcasters.iter().any(|(earlier, _)| *earlier == from_version) {
            let message = format_args!("version {from_version} has an upcaster already");
            return Err(Error::new_spanned(literal, message));
        }
        upcasters.push((from_version, function));
    }
    upcasters.sort_by_key(|(from_version, _)| *from_version);
    Ok(upcasters)
}
