use super::tree::{Hash, leaf};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The table's own clean-up reads this attribute. It says how long a row is kept, not what was done, and retention
/// sets it on entries that are sealed; so it isn't hashed.
pub const OWN_ATTRIBUTE: &str = "expires_at";

/// One value as the table types it. Numbers stay the text that the table gives; bytes are in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum Attribute {
    S(String),
    N(String),
    B(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    L(Vec<Attribute>),
    M(BTreeMap<String, Attribute>),
    #[serde(rename = "SS")]
    Texts(BTreeSet<String>),
    #[serde(rename = "NS")]
    Numbers(BTreeSet<String>),
    #[serde(rename = "BS")]
    Blobs(BTreeSet<String>),
}

/// A row of the table as it lies there, with attributes that this version of the product doesn't know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Row(pub BTreeMap<String, Attribute>);

impl Row {
    /// The one form in which a row is hashed and archived: JSON, each value under the table's name of its type, keys
    /// sorted by their bytes, no blanks. One line.
    pub fn canonical(&self) -> String {
        let kept = self.0.iter().filter(|(name, _)| *name != OWN_ATTRIBUTE);
        object(kept.map(|(name, value)| (name.clone(), json(value)))).to_string()
    }

    /// The row's leaf in its tree.
    pub fn leaf(&self) -> Hash {
        leaf(self.canonical().as_bytes())
    }

    /// Whether the table's clean-up has been told when to remove it.
    pub fn expires(&self) -> bool {
        self.0.contains_key(OWN_ATTRIBUTE)
    }

    /// An attribute that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Attribute::S(text)) => Some(text),
            Some(
                Attribute::N(_)
                | Attribute::B(_)
                | Attribute::Bool(_)
                | Attribute::Null(_)
                | Attribute::L(_)
                | Attribute::M(_)
                | Attribute::Texts(_)
                | Attribute::Numbers(_)
                | Attribute::Blobs(_),
            )
            | None => None,
        }
    }
}

/// Keys arrive sorted here, so the object is in order whether or not serde_json was built to keep an order.
fn object(sorted: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(sorted.collect())
}

fn json(attribute: &Attribute) -> Value {
    let texts = |set: &BTreeSet<String>| Value::from_iter(set.iter().map(String::as_str));
    let (name, value) = match attribute {
        Attribute::S(text) => ("S", Value::from(text.as_str())),
        Attribute::N(figures) => ("N", Value::from(figures.as_str())),
        Attribute::B(bytes) => ("B", Value::from(bytes.as_str())),
        Attribute::Bool(value) => ("BOOL", Value::from(*value)),
        Attribute::Null(value) => ("NULL", Value::from(*value)),
        Attribute::L(list) => ("L", Value::from_iter(list.iter().map(json))),
        Attribute::M(map) => ("M", object(map.iter().map(|(name, value)| (name.clone(), json(value))))),
        Attribute::Texts(set) => ("SS", texts(set)),
        Attribute::Numbers(set) => ("NS", texts(set)),
        Attribute::Blobs(set) => ("BS", texts(set)),
    };
    object(std::iter::once((name.to_owned(), value)))
}
