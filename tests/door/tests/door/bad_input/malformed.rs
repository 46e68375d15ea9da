//! Values that don't fit a schema of the OpenAPI document, made from the schema.

use serde_json::{Map, Value, json};

/// A value that doesn't fit as a whole, because of one part of it.
#[derive(Clone, Debug)]
pub struct Malformed {
    pub what: &'static str,
    /// The part that must be named, dotted.
    pub field: Vec<String>,
    pub value: Value,
}

/// A schema without its references, and whether it takes null besides.
pub struct Shape<'d> {
    pub schema: &'d Value,
    pub nullable: bool,
}

pub fn shape<'d>(document: &'d Value, mut schema: &'d Value) -> Shape<'d> {
    let mut nullable = false;
    loop {
        if let Some(reference) = schema["$ref"].as_str() {
            schema = document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
        } else if let Some(options) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            nullable |= options.iter().any(|option| option["type"] == "null");
            schema = options.iter().find(|option| option["type"] != "null").expect("an option");
        } else {
            nullable |= schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
            return Shape { schema, nullable };
        }
    }
}

impl Shape<'_> {
    /// `string`, `integer`, `boolean`, `array` or `object`.
    pub fn kind(&self) -> &str {
        let kind = &self.schema["type"];
        let listed = || kind.as_array()?.iter().filter_map(Value::as_str).find(|kind| *kind != "null");
        kind.as_str().or_else(listed).expect("a schema with a type")
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.schema[name].as_u64()
    }

    pub fn is_enum(&self) -> bool {
        self.schema["enum"].is_array()
    }
}

/// A small value that fits.
fn sample(document: &Value, schema: &Value) -> Value {
    let shape = shape(document, schema);
    match shape.kind() {
        "string" if shape.is_enum() => shape.schema["enum"][0].clone(),
        "string" => Value::from("a".repeat(usize::try_from(shape.number("minLength").unwrap_or(1)).expect("short"))),
        "integer" => Value::from(shape.number("minimum").unwrap_or(1).max(1)),
        "boolean" => Value::from(false),
        "array" => json!([]),
        "object" => {
            let required = shape.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required.map(|name| (name.to_owned(), sample(document, &shape.schema["properties"][name]))).collect()
        }
        other => panic!("a schema of type {other}"),
    }
}

/// Everything that doesn't fit, made from a value that does.
pub fn of(document: &Value, schema: &Value, good: Option<&Value>) -> Vec<Malformed> {
    let shape = shape(document, schema);
    let mut found: Vec<Malformed> = Vec::new();
    let mut say = |what, value| found.push(Malformed { what, field: Vec::new(), value });
    if !shape.nullable {
        say("null", Value::Null);
    }
    match shape.kind() {
        "string" => {
            say("a number", json!(12_345));
            say("a truth", json!(true));
            say("a list", json!(["text"]));
            say("an object", json!({ "a": 1 }));
            let longest = usize::try_from(shape.number("maxLength").unwrap_or(10_000)).expect("short");
            say("too long", Value::from("x".repeat(longest + 1)));
            say("too long, in letters of two bytes", Value::from("é".repeat(longest + 1)));
            if shape.number("minLength").is_some_and(|least| least > 0) || shape.is_enum() {
                say("empty", json!(""));
            }
            if shape.schema["pattern"].is_string() || shape.is_enum() {
                say("out of shape", json!("!!"));
            }
        }
        "integer" => {
            say("text", json!("12"));
            say("a fraction", json!(1.5));
            say("huge", json!(1e30));
            say("beyond 64 bits", json!(u64::MAX));
            say("negative", json!(-1));
            say("very negative", json!(i64::MIN));
            say("a list", json!([1]));
            if let Some(least) = shape.number("minimum").filter(|least| *least > 0) {
                say("too small", json!(least - 1));
            }
            if let Some(most) = shape.number("maximum") {
                say("too large", json!(most + 1));
            }
        }
        "boolean" => {
            for value in [json!("true"), json!(1), json!([]), json!("")] {
                say("no truth", value);
            }
        }
        "array" => items(document, &shape, good, &mut found),
        "object" => properties(document, &shape, good, &mut found),
        other => panic!("a schema of type {other}"),
    }
    found
}

fn items(document: &Value, shape: &Shape<'_>, good: Option<&Value>, found: &mut Vec<Malformed>) {
    let mut say = |what, value| found.push(Malformed { what, field: Vec::new(), value });
    say("text", json!("text"));
    say("an object", json!({ "0": "text" }));
    let item = &shape.schema["items"];
    let one = good.and_then(|good| good.get(0)).cloned().unwrap_or_else(|| sample(document, item));
    if shape.number("minItems").is_some_and(|least| least > 0) {
        say("empty", json!([]));
    }
    if let Some(most) = shape.number("maxItems") {
        say("too many", Value::from(vec![one.clone(); usize::try_from(most).expect("few") + 1]));
    }
    for Malformed { what, field, value } in of(document, item, Some(&one)) {
        let field = std::iter::once("0".to_owned()).chain(field).collect();
        found.push(Malformed { what, field, value: json!([value]) });
    }
}

fn properties(document: &Value, shape: &Shape<'_>, good: Option<&Value>, found: &mut Vec<Malformed>) {
    let mut say = |what, field: Vec<String>, value| found.push(Malformed { what, field, value });
    for value in [json!([]), json!("text"), json!(1), json!([{}])] {
        say("no object", Vec::new(), value);
    }
    let whole = good.cloned().unwrap_or_else(|| sample(document, shape.schema));
    let full: Map<String, Value> = whole.as_object().expect("an object").clone();
    for name in shape.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut without = full.clone();
        without.remove(name);
        say("missing", vec![name.to_owned()], Value::Object(without));
    }
    let mut more = full.clone();
    more.insert("nonsense".to_owned(), json!(1));
    say("unknown", vec!["nonsense".to_owned()], Value::Object(more));
    for (name, property) in shape.schema["properties"].as_object().into_iter().flatten() {
        for Malformed { what, field, value } in of(document, property, full.get(name)) {
            let mut with = full.clone();
            with.insert(name.clone(), value);
            let field = std::iter::once(name.clone()).chain(field).collect();
            say(what, field, Value::Object(with));
        }
    }
}

/// Texts in which a key stands twice, each with the key's dotted name: the first of every object.
pub fn repeated(good: &Value) -> Vec<(String, String)> {
    let whole = good.to_string();
    let mut found = Vec::new();
    for (name, object) in objects(String::new(), good) {
        let Some((key, value)) = object.as_object().and_then(|entries| entries.iter().next()) else { continue };
        let text = object.to_string();
        let twice = format!("{{{}:{value},{}", Value::from(key.as_str()), &text[1..]);
        let field = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        found.push((field, whole.replacen(&text, &twice, 1)));
    }
    found
}

/// The value and every object in it, by dotted name.
fn objects(name: String, value: &Value) -> Vec<(String, &Value)> {
    let Some(entries) = value.as_object() else { return Vec::new() };
    let below = entries
        .iter()
        .flat_map(|(key, value)| objects(if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, value));
    let below: Vec<_> = below.collect();
    std::iter::once((name, value)).chain(below).collect()
}
