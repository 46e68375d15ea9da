//! JSON bodies, read strictly: one meaning only. serde alone takes a list for a struct and, in maps, the last of two
//! equal keys; and it can't tell how deep a text goes before following it there.

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};
use std::{cell::RefCell, fmt};

/// Lists and objects in each other. Our deepest type has five.
pub const DEPTH_MAX: usize = 24;

/// Why a text isn't taken.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not JSON at this line and column.
    Syntax {
        line: usize,
        column: usize,
    },
    TooDeep,
    /// A key that an object has twice, as dotted path.
    Duplicate(String),
    /// It doesn't fit the type. The path is of the value that doesn't; the words are serde's.
    Unfit {
        path: Vec<String>,
        why: String,
    },
}

/// Reads `bytes` as a `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let tree = parse(bytes)?;
    serde_path_to_error::deserialize(Tree(tree))
        .map_err(|error| Refused::Unfit { path: steps(error.path()), why: error.inner().to_string() })
}

/// The steps of a path, without those that stand for nothing in the text.
pub fn steps(path: &serde_path_to_error::Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(index.to_string()),
            serde_path_to_error::Segment::Map { key } => Some(key.clone()),
            serde_path_to_error::Segment::Enum { variant } => Some(variant.clone()),
            serde_path_to_error::Segment::Unknown => None,
        })
        .collect()
}

fn parse(bytes: &[u8]) -> Result<Value, Refused> {
    let walk = Walk::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let tree = Node { walk: &walk, depth: 0 }.deserialize(&mut deserializer);
    match tree.and_then(|tree| deserializer.end().map(|()| tree)) {
        Ok(tree) => Ok(tree),
        Err(error) => {
            Err(walk.refused.into_inner().unwrap_or(Refused::Syntax { line: error.line(), column: error.column() }))
        }
    }
}

/// Where the reading of a text stands, and what stopped it.
#[derive(Default)]
struct Walk {
    path: RefCell<Vec<String>>,
    refused: RefCell<Option<Refused>>,
}

impl Walk {
    fn stop<E: de::Error>(&self, why: Refused) -> E {
        self.refused.borrow_mut().get_or_insert(why);
        E::custom("refused")
    }
}

struct Node<'w> {
    walk: &'w Walk,
    depth: usize,
}

impl Node<'_> {
    fn deeper<E: de::Error>(&self) -> Result<Node<'_>, E> {
        if self.depth >= DEPTH_MAX {
            return Err(self.walk.stop(Refused::TooDeep));
        }
        Ok(Node { walk: self.walk, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.walk.path.borrow_mut().push(list.len().to_string());
            let item = items.next_element_seed(self.deeper()?)?;
            self.walk.path.borrow_mut().pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.walk.path.borrow_mut().push(key.clone());
            if object.contains_key(&key) {
                let path = self.walk.path.borrow().join(".");
                return Err(self.walk.stop(Refused::Duplicate(path)));
            }
            let value = entries.next_value_seed(Node { walk: inner.walk, depth: inner.depth })?;
            self.walk.path.borrow_mut().pop();
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Text that has been read, as serde sees it: structs are objects, never lists.
struct Tree(Value);

impl<'de> IntoDeserializer<'de, serde_json::Error> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(List(items.into_iter())),
            Value::Object(entries) => visitor.visit_map(Entries { rest: entries.into_iter(), value: None }),
            scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                scalar.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if matches!(self.0, Value::Array(_)) {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &visitor));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(Variant { name: variant, value: None }),
            Value::Object(entries) => {
                let mut entries = entries.into_iter();
                match (entries.next(), entries.next()) {
                    (Some((name, value)), None) => visitor.visit_enum(Variant { name, value: Some(value) }),
                    (None, _) | (Some(_), Some(_)) => {
                        Err(de::Error::invalid_value(de::Unexpected::Map, &"an object with one key"))
                    }
                }
            }
            Value::Null => Err(de::Error::invalid_type(de::Unexpected::Unit, &visitor)),
            Value::Bool(is) => Err(de::Error::invalid_type(de::Unexpected::Bool(is), &visitor)),
            Value::Number(_) => Err(de::Error::invalid_type(de::Unexpected::Other("number"), &visitor)),
            Value::Array(_) => Err(de::Error::invalid_type(de::Unexpected::Seq, &visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

struct List(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for List {
    type Error = serde_json::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Self::Error> {
        self.0.next().map(|item| seed.deserialize(Tree(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries {
    rest: serde_json::map::IntoIter,
    value: Option<Value>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(MapKey(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        seed.deserialize(Tree(self.value.take().unwrap_or_default()))
    }
}

/// A key of an object. Maps may have numbers as keys, which JSON writes as text.
struct MapKey(String);

macro_rules! parsed_keys {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_string(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for MapKey {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_string(self.0)
    }

    parsed_keys! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_bool visit_bool bool
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(Variant { name: self.0, value: None })
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

struct Variant {
    name: String,
    value: Option<Value>,
}

impl<'de> de::EnumAccess<'de> for Variant {
    type Error = serde_json::Error;
    type Variant = Payload;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Payload), Self::Error> {
        let variant = seed.deserialize(MapKey(self.name))?;
        Ok((variant, Payload(self.value)))
    }
}

struct Payload(Option<Value>);

impl<'de> de::VariantAccess<'de> for Payload {
    type Error = serde_json::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        match self.0 {
            None => Ok(()),
            Some(value) => <()>::deserialize(Tree(value)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
        seed.deserialize(Tree(self.0.unwrap_or_default()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Self::Error> {
        Tree(self.0.unwrap_or_default()).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        Tree(self.0.unwrap_or_default()).deserialize_struct("", fields, visitor)
    }
}
