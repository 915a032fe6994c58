//! The implementation for an enum whose variants wrap other event types.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DataEnum, DeriveInput, Error, Fields, Ident, Result, Type, Variant};

use crate::attribute::refuse;
use crate::errors::collect;
use crate::options::Options;

/// One variant of a union and the event type it wraps.
struct Part<'a> {
    variant: &'a Ident,
    event: &'a Type,
}

pub(crate) fn expand(
    input: &DeriveInput,
    data: &DataEnum,
    options: &Options,
) -> Result<TokenStream> {
    let parts = collect(data.variants.iter().map(Part::parse))?;
    let (ident, krate) = (&input.ident, &options.krate);
    let variants: Vec<_> = parts.iter().map(|part| part.variant).collect();
    let events: Vec<_> = parts.iter().map(|part| part.event).collect();
    let clashes = clashes(&parts, options);
    Ok(quote! {
        #(#clashes)*

        #[automatically_derived]
        impl #krate::codec::EventNames for #ident {
            const NAMES: &'static [&'static str] = &#krate::codec::join_names::<{
                0 #(+ <#events as #krate::codec::EventNames>::NAMES.len())*
            }>(&[#(<#events as #krate::codec::EventNames>::NAMES),*]);
        }

        #[allow(deprecated)]
        #[automatically_derived]
        impl #krate::DomainEvent for #ident {
            fn kinds() -> ::std::vec::Vec<&'static #krate::EventKind> {
                [#(<#events as #krate::DomainEvent>::kinds()),*].concat()
            }

            fn find_kind(
                event_type: &str,
            ) -> ::std::option::Option<&'static #krate::EventKind> {
                ::std::option::Option::None
                    #(.or_else(|| <#events as #krate::DomainEvent>::find_kind(event_type)))*
            }

            fn kind(&self) -> &'static #krate::EventKind {
                match self {
                    #(Self::#variants(event) => #krate::DomainEvent::kind(event),)*
                }
            }

            fn tags(
                &self,
            ) -> ::std::result::Result<::std::vec::Vec<#krate::Tag>, #krate::LimitError> {
                match self {
                    #(Self::#variants(event) => #krate::DomainEvent::tags(event),)*
                }
            }

            fn write_payload(
                &self,
            ) -> ::std::result::Result<::std::string::String, #krate::codec::CodecError> {
                match self {
                    #(Self::#variants(event) => #krate::DomainEvent::write_payload(event),)*
                }
            }

            fn read_payload(
                kind: &'static #krate::EventKind,
                payload: &str,
            ) -> ::std::result::Result<Self, #krate::codec::CodecError> {
                #(
                    if <#events as #krate::DomainEvent>::find_kind(kind.name).is_some() {
                        return <#events as #krate::DomainEvent>::read_payload(kind, payload)
                            .map(Self::#variants);
                    }
                )*
                ::std::result::Result::Err(#krate::codec::foreign_kind(kind))
            }
        }
    })
}

impl<'a> Part<'a> {
    fn parse(variant: &'a Variant) -> Result<Self> {
        const NO_KIND: &str = "a variant of a union is not a kind of event; write the attribute in \
                               the enum it wraps";
        for name in ["event", "tag"] {
            refuse(&variant.attrs, name, NO_KIND)?;
            for field in &variant.fields {
                refuse(&field.attrs, name, NO_KIND)?;
            }
        }
        let mut fields = variant.fields.iter();
        match (&variant.fields, fields.next(), fields.next()) {
            (Fields::Unnamed(_), Some(field), None) => {
                Ok(Self { variant: &variant.ident, event: &field.ty })
            }
            _ => {
                let name = &variant.ident;
                let message = format_args!(
                    "a variant of a union wraps one event type; write `{name}(SomeEvent)`"
                );
                Err(Error::new_spanned(variant, message))
            }
        }
    }
}

/// Refuses, while the user's crate is compiled, two event types that share a name: the log could
/// not tell their events apart.
fn clashes(parts: &[Part<'_>], options: &Options) -> Vec<TokenStream> {
    let krate = &options.krate;
    let pairs = parts
        .iter()
        .enumerate()
        .flat_map(|(place, later)| parts.iter().take(place).map(move |earlier| (earlier, later)));
    pairs
        .map(|(earlier, later)| {
            let message = format!(
                "`{}` and `{}` have an event type or an alias in common, so their events cannot \
                 be told apart; rename one of them with `#[event(name = \"..\")]` or a prefix",
                earlier.variant, later.variant,
            );
            let (one, other) = (earlier.event, later.event);
            let place = Span::call_site().located_at(other.span());
            quote_spanned! {place=>
                const _: () = ::std::assert!(
                    #krate::codec::share_no_name(
                        <#one as #krate::codec::EventNames>::NAMES,
                        <#other as #krate::codec::EventNames>::NAMES,
                    ),
                    #message
                );
            }
        })
        .collect()
}
