//! An enum variant from the JSON of its fields: the way back of [`super::write`].

use serde::de::value::U32Deserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IgnoredAny,
    IntoDeserializer, VariantAccess, Visitor,
};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::{Error, Result};

use super::NOT_AN_ENUM;

/// The event whose variant has this index, from the JSON text of its fields.
///
/// # Errors
///
/// What `serde_json` says when the fields have another form.
pub fn read_variant<T: DeserializeOwned>(variant: u32, payload: &str) -> Result<T> {
    T::deserialize(VariantDeserializer { variant, payload })
}

struct VariantDeserializer<'de> {
    variant: u32,
    payload: &'de str,
}

impl<'de> VariantDeserializer<'de> {
    fn read<T>(
        self,
        read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> Result<T>,
    ) -> Result<T> {
        let mut json = serde_json::Deserializer::from_str(self.payload);
        let value = read(&mut json)?;
        json.end()?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for VariantDeserializer<'de> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
        Err(Error::custom(NOT_AN_ENUM))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for VariantDeserializer<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let index: U32Deserializer<Error> = self.variant.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for VariantDeserializer<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        // Fields that stand there were written by code that still had them. But it must be JSON: a
        // payload damaged on disk is an error for every kind of event.
        self.read(|json| IgnoredAny::deserialize(json))?;
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        self.read(|json| seed.deserialize(json))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.read(|json| json.deserialize_tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.read(|json| json.deserialize_struct("", fields, visitor))
    }
}
