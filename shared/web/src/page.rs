//! The document as a page for people: plain HTML, no script, nothing from elsewhere.

use crate::{api::operations, faults::resolve, openapi::X_PERMISSION};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");

/// Allows the page's own style and nothing else.
pub(crate) fn security_policy() -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
}

pub(crate) fn html(document: &Value) -> String {
    let mut page = Page { document, html: String::with_capacity(64 * 1024) };
    page.whole();
    page.html
}

struct Page<'d> {
    document: &'d Value,
    html: String,
}

impl Page<'_> {
    fn whole(&mut self) {
        let document = self.document;
        let title = escaped(word(&document["info"]["title"]));
        let version = escaped(word(&document["info"]["version"]));
        self.add(&format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head><body>\
             <header><h1>{title} <small>{version}</small></h1>"
        ));
        self.paragraph(word(&document["info"]["description"]));
        self.add("</header><nav aria-label=\"Groups\"><ul>");
        let tags = self.tags();
        for (name, _) in &tags {
            self.add(&format!("<li><a href=\"#tag-{0}\">{0}</a></li>", escaped(name)));
        }
        self.add("<li><a href=\"#types\">Types</a></li></ul></nav><main>");
        for (name, description) in &tags {
            self.add(&format!("<section id=\"tag-{0}\"><h2>{0}</h2>", escaped(name)));
            self.paragraph(description);
            for (path, method, operation) in operations(document) {
                if tag_of(operation) == name {
                    self.operation(path, method, operation);
                }
            }
            self.add("</section>");
        }
        self.types();
        self.add("</main></body></html>");
    }

    /// Declared groups in their order, then those that operations name besides.
    fn tags(&self) -> Vec<(String, String)> {
        let mut tags: Vec<(String, String)> = self.document["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|tag| (word(&tag["name"]).to_owned(), word(&tag["description"]).to_owned()))
            .collect();
        for (_, _, operation) in operations(self.document) {
            let name = tag_of(operation);
            if !tags.iter().any(|(known, _)| known == name) {
                tags.push((name.to_owned(), String::new()));
            }
        }
        tags
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let id = escaped(word(&operation["operationId"]));
        self.add(&format!(
            "<details id=\"{id}\"><summary><b class=\"{method}\">{}</b> <code>{}</code> <span>{}</span></summary>",
            method.to_uppercase(),
            escaped(path).replace('/', "/<wbr>"),
            escaped(word(&operation["summary"]))
        ));
        self.paragraph(word(&operation["description"]));
        match operation[X_PERMISSION].as_str() {
            Some(permission) => self.add(&format!("<p>Permission: <code>{}</code></p>", escaped(permission))),
            None if operation["security"].as_array().is_some_and(|list| !list.is_empty()) => {
                self.add("<p>For everybody who is signed in.</p>");
            }
            None => self.add("<p>Open to everybody.</p>"),
        }
        self.parameters(operation);
        self.body(operation);
        self.answers(operation);
        self.add("</details>");
    }

    fn parameters(&mut self, operation: &Value) {
        let Some(list) = operation["parameters"].as_array().filter(|list| !list.is_empty()) else {
            return;
        };
        self.add("<h3>Parameters</h3><dl>");
        for parameter in list {
            let schema = self.schema(&parameter["schema"]);
            self.entry(
                word(&parameter["name"]),
                &format!("{}, {schema}", escaped(word(&parameter["in"]))),
                parameter["required"] == true,
                word(&parameter["description"]),
            );
        }
        self.add("</dl>");
    }

    fn body(&mut self, operation: &Value) {
        let Some(content) = operation["requestBody"]["content"].as_object() else {
            return;
        };
        self.add("<h3>Body</h3><ul>");
        for (media_type, form) in content {
            let schema = self.schema(&form["schema"]);
            self.add(&format!("<li>{}: {schema}</li>", escaped(media_type)));
        }
        self.add("</ul>");
    }

    fn answers(&mut self, operation: &Value) {
        self.add("<h3>Answers</h3><ul>");
        for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
            let answer = answer["$ref"].as_str().and_then(|name| resolve(self.document, name)).unwrap_or(answer);
            let mut line = format!("<b>{}</b> {}", escaped(status), escaped(word(&answer["description"])));
            for (_, form) in answer["content"].as_object().into_iter().flatten() {
                let schema = self.schema(&form["schema"]);
                line.push_str(&format!(" – {schema}"));
            }
            let headers: Vec<String> =
                answer["headers"].as_object().into_iter().flatten().map(|(name, _)| escaped(name)).collect();
            if !headers.is_empty() {
                line.push_str(&format!(" (headers: {})", headers.join(", ")));
            }
            self.add(&format!("<li>{line}</li>"));
        }
        self.add("</ul>");
    }

    fn types(&mut self) {
        self.add("<section id=\"types\"><h2>Types</h2>");
        let document = self.document;
        for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            self.add(&format!("<details id=\"type-{0}\"><summary><code>{0}</code></summary>", escaped(name)));
            self.paragraph(word(&schema["description"]));
            match schema["properties"].as_object() {
                Some(properties) => {
                    let required: Vec<&str> =
                        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                    self.add("<dl>");
                    for (name, property) in properties {
                        let form = self.schema(property);
                        self.entry(name, &form, required.contains(&name.as_str()), word(&property["description"]));
                    }
                    self.add("</dl>");
                }
                None => {
                    let form = self.schema(schema);
                    self.add(&format!("<p>{form}</p>"));
                }
            }
            self.add("</details>");
        }
        self.add("</section>");
    }

    /// One name of a list; `form` is HTML already.
    fn entry(&mut self, name: &str, form: &str, required: bool, description: &str) {
        let required = if required { " <em>required</em>" } else { "" };
        self.add(&format!("<dt><code>{}</code>{required}</dt><dd>{form}", escaped(name)));
        self.paragraph(description);
        self.add("</dd>");
    }

    /// A schema in one line of HTML.
    fn schema(&self, schema: &Value) -> String {
        if let Some(name) =
            schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"))
        {
            let name = escaped(name);
            return format!("<a href=\"#type-{name}\">{name}</a>");
        }
        for (list, between) in [("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")] {
            if let Some(options) = schema[list].as_array() {
                return options.iter().map(|option| self.schema(option)).collect::<Vec<_>>().join(between);
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            let values: Vec<String> =
                values.iter().map(|value| format!("<code>{}</code>", escaped(&plain(value)))).collect();
            return values.join(", ");
        }
        if let Some(value) = schema.get("const") {
            return format!("<code>{}</code>", escaped(&plain(value)));
        }
        let mut words = match schema["type"].as_array() {
            Some(types) => types.iter().map(plain).collect::<Vec<_>>().join(" or "),
            None => plain(&schema["type"]),
        };
        if words.is_empty() {
            words.push_str("anything");
        }
        let mut html = escaped(&words);
        if schema["items"].is_object() {
            html.push_str(&format!(" of {}", self.schema(&schema["items"])));
        }
        if schema["additionalProperties"].is_object() {
            html.push_str(&format!(" of {}", self.schema(&schema["additionalProperties"])));
        }
        for (key, word) in [
            ("format", ""),
            ("minLength", "at least "),
            ("maxLength", "at most "),
            ("minItems", "at least "),
            ("maxItems", "at most "),
            ("minimum", "from "),
            ("maximum", "to "),
            ("pattern", "matches "),
            ("default", "else "),
        ] {
            if let Some(value) = schema.get(key) {
                html.push_str(&format!(", {word}{}", escaped(&plain(value))));
            }
        }
        html
    }

    fn paragraph(&mut self, text: &str) {
        for part in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
            self.add(&format!("<p>{}</p>", escaped(part)));
        }
    }

    fn add(&mut self, html: &str) {
        self.html.push_str(html);
    }
}

fn tag_of(operation: &Value) -> &str {
    operation["tags"][0].as_str().unwrap_or("other")
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '"' | '\'' => safe.push_str(&format!("&#{};", u32::from(character))),
            plain => safe.push(plain),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // proves: API-02
    #[test]
    fn words_of_a_document_stay_words_on_its_page() {
        let evil = "<script>alert('\"&')</script>";
        let document = json!({
            "info": { "title": evil, "version": evil, "description": evil },
            "tags": [{ "name": evil, "description": evil }],
            "paths": { evil: { "get": {
                "operationId": evil, "summary": evil, "description": evil, "tags": [evil], "x-permission": evil,
                "parameters": [{ "name": evil, "in": evil, "description": evil, "schema": { "type": evil, "enum": [evil] } }],
                "requestBody": { "content": { evil: { "schema": { "type": evil, "pattern": evil, "default": evil } } } },
                "responses": { evil: { "description": evil, "headers": { evil: {} } } },
            } } },
            "components": { "schemas": { evil: { "description": evil, "properties": { evil: { "const": evil } } } } },
        });
        let html = html(&document);
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("alert('"), "{html}");
        assert!(html.matches("alert(").count() > 20);
    }
}
