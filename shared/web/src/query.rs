//! Query strings, read strictly: every parameter known, none twice, all of it UTF-8.

use crate::problem::FieldProblem;
use percent_encoding::percent_decode_str;
use serde::{
    Deserializer,
    de::{self, DeserializeOwned, IntoDeserializer, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};
use std::collections::HashSet;

/// Why a query isn't taken.
#[derive(Debug)]
pub enum Refused {
    /// Not UTF-8 after decoding.
    Encoding,
    Repeated(Vec<FieldProblem>),
    /// It doesn't fit the type. The path is of the value that doesn't; the words are serde's.
    Unfit {
        path: Vec<String>,
        why: String,
    },
}

/// Reads a query as a `T`. Lists are one parameter with commas: `status=live,ended`.
pub fn read<T: DeserializeOwned>(query: &str) -> Result<T, Refused> {
    let mut pairs: Vec<(String, Text)> = Vec::new();
    let mut seen = HashSet::new();
    let mut repeated = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = decoded(name).zip(decoded(value)).ok_or(Refused::Encoding)?;
        if seen.insert(name.clone()) {
            pairs.push((name, Text(value)));
        } else if !repeated.iter().any(|problem: &FieldProblem| problem.field == name) {
            repeated.push(FieldProblem::new(name, "repeated", "is given more than once"));
        }
    }
    if !repeated.is_empty() {
        return Err(Refused::Repeated(repeated));
    }
    let parameters = MapDeserializer::new(pairs.into_iter());
    serde_path_to_error::deserialize(parameters).map_err(|error: serde_path_to_error::Error<de::value::Error>| {
        Refused::Unfit { path: crate::json::steps(error.path()), why: error.inner().to_string() }
    })
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// A value as it stands in the query.
struct Text(String);

impl<'de> IntoDeserializer<'de, de::value::Error> for Text {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $words:literal);*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            // Rust also reads a leading plus.
            match self.0.parse::<$type>() {
                Ok(value) if !self.0.starts_with('+') => visitor.$visit(value),
                Ok(_) | Err(_) => Err(self.unfit($words)),
            }
        }
    )*};
}

impl Text {
    /// A number that is too large or too small, or no number at all.
    fn unfit(&self, wanted: &'static str) -> de::value::Error {
        let text = de::Unexpected::Other("text");
        match self.0.parse::<i128>() {
            Ok(_) => de::Error::invalid_value(text, &wanted),
            Err(_) => de::Error::invalid_type(text, &wanted),
        }
    }
}

impl<'de> Deserializer<'de> for Text {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_string(self.0)
    }

    parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_i8 visit_i8 i8, "i8"; deserialize_i16 visit_i16 i16, "i16";
        deserialize_i32 visit_i32 i32, "i32"; deserialize_i64 visit_i64 i64, "i64";
        deserialize_u8 visit_u8 u8, "u8"; deserialize_u16 visit_u16 u16, "u16";
        deserialize_u32 visit_u32 u32, "u32"; deserialize_u64 visit_u64 u64, "u64"
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0.parse::<f64>() {
            Ok(value) if value.is_finite() => visitor.visit_f64(value),
            Ok(_) | Err(_) => Err(self.unfit("f64")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let items: Vec<Text> = self.0.split(',').map(|item| Text(item.to_owned())).collect();
        visitor.visit_seq(de::value::SeqDeserializer::new(items.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}
