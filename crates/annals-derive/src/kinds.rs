//! The implementation for an enum whose variants are kinds of events.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DataEnum, DeriveInput, Error, Ident, Path, Result};

use crate::errors::collect;
use crate::kind::Kind;
use crate::options::Options;
use crate::serde_attribute;
use crate::tag::TagField;

pub(crate) fn expand(
    input: &DeriveInput,
    data: &DataEnum,
    options: &Options,
) -> Result<TokenStream> {
    serde_attribute::check_enum(&input.attrs)?;
    let kinds = collect(
        (0_u32..).zip(&data.variants).map(|(index, found)| Kind::parse(index, found, options)),
    )?;
    check_names(&kinds)?;

    let (ident, krate) = (&input.ident, &options.krate);
    let variants: Vec<_> = kinds.iter().map(|kind| kind.variant).collect();
    let constants: Vec<_> = kinds.iter().map(|kind| &kind.constant).collect();
    let descriptions = kinds.iter().map(|kind| describe(kind, krate));
    let names: Vec<_> =
        kinds.iter().map(|kind| kind.names().map(|name| &name.text).collect::<Vec<_>>()).collect();
    let tags = tags(&kinds, krate);
    Ok(quote! {
        #(#descriptions)*

        #[automatically_derived]
        impl #krate::codec::EventNames for #ident {
            const NAMES: &'static [&'static str] = &[#(#(#names),*),*];
        }

        // A kind that is no longer produced may well be marked as deprecated.
        #[allow(deprecated)]
        #[automatically_derived]
        impl #krate::DomainEvent for #ident {
            fn kinds() -> ::std::vec::Vec<&'static #krate::EventKind> {
                ::std::vec![#(&#constants),*]
            }

            fn find_kind(
                event_type: &str,
            ) -> ::std::option::Option<&'static #krate::EventKind> {
                match event_type {
                    #(#(#names)|* => ::std::option::Option::Some(&#constants),)*
                    _ => ::std::option::Option::None,
                }
            }

            fn kind(&self) -> &'static #krate::EventKind {
                match self {
                    #(Self::#variants { .. } => &#constants,)*
                }
            }

            fn tags(
                &self,
            ) -> ::std::result::Result<::std::vec::Vec<#krate::Tag>, #krate::LimitError> {
                #tags
            }

            fn write_payload(
                &self,
            ) -> ::std::result::Result<::std::string::String, #krate::codec::CodecError> {
                #krate::codec::write_variant(self)
            }

            fn read_payload(
                kind: &'static #krate::EventKind,
                payload: &str,
            ) -> ::std::result::Result<Self, #krate::codec::CodecError> {
                #krate::codec::read_variant(kind.variant, payload)
            }
        }
    })
}

/// Every name and alias belongs to one variant.
fn check_names(kinds: &[Kind<'_>]) -> Result<()> {
    let mut owners = HashMap::new();
    let names = kinds.iter().flat_map(|kind| kind.names().map(move |name| (name, kind.variant)));
    collect(names.map(|(name, variant)| match owners.insert(name.text.as_str(), variant) {
        None => Ok(()),
        Some(owner) => {
            let text = &name.text;
            let message = if owner == variant {
                format!("`{text}` is a name of this variant already; remove one")
            } else {
                format!("`{text}` is a name of `{owner}` already; give one of them another")
            };
            Err(Error::new(name.span, message))
        }
    }))?;
    Ok(())
}

/// The static that describes one kind.
fn describe(kind: &Kind<'_>, krate: &Path) -> TokenStream {
    let Kind { index, constant, version, .. } = kind;
    let name = &kind.name.text;
    let aliases = kind.aliases.iter().map(|alias| &alias.text);
    let upcasters = kind.upcasters.iter().map(|(from_version, function)| {
        quote!(#krate::Upcaster { from_version: #from_version, upcast: #function })
    });
    quote! {
        static #constant: #krate::EventKind = #krate::EventKind {
            name: #name,
            version: #version,
            aliases: &[#(#aliases),*],
            upcasters: &[#(#upcasters),*],
            variant: #index,
        };
    }
}

/// The body of `tags`.
fn tags(kinds: &[Kind<'_>], krate: &Path) -> TokenStream {
    if kinds.iter().all(|kind| kind.tags.is_empty()) {
        return quote!(::std::result::Result::Ok(::std::vec::Vec::new()));
    }
    let arms = kinds.iter().map(|kind| {
        let variant = kind.variant;
        let members = kind.tags.iter().map(|tag| &tag.member);
        let values: Vec<_> = (0_usize..)
            .zip(&kind.tags)
            .map(|(place, tag)| format_ident!("tag_{place}", span = span_of(tag)))
            .collect();
        let pushes = kind.tags.iter().zip(&values).map(|(tag, value)| push(tag, value, krate));
        quote!(Self::#variant { #(#members: #values,)* .. } => { #(#pushes)* })
    });
    quote! {
        let mut tags = ::std::vec::Vec::new();
        match self {
            #(#arms)*
        }
        ::std::result::Result::Ok(tags)
    }
}

/// Adds the tags of one field, whose value is bound to `value`.
fn push(tag: &TagField<'_>, value: &Ident, krate: &Path) -> TokenStream {
    let key = &tag.key.text;
    let place = span_of(tag);
    if tag.is_many {
        quote_spanned! {place=>
            for one in #value.iter() {
                tags.push(#krate::Tag::new(#key, one)?);
            }
        }
    } else {
        quote_spanned!(place=> tags.push(#krate::Tag::new(#key, #value)?);)
    }
}

/// Where to report that a value cannot be displayed: at the field's type, but as generated code, so
/// that no lint of the user's applies to it.
fn span_of(tag: &TagField<'_>) -> Span {
    Span::call_site().located_at(tag.field_type.span())
}
