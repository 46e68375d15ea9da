//! CloudFormation's YAML as JSON. Short tags become what they stand for: `!Ref Table` is `{"Ref": "Table"}`.

use crate::files;
use saphyr::{LoadableYamlNode, Scalar, Tag, Yaml};
use serde_json::{Map, Value, json};

pub struct Template {
    pub parameters: Map<String, Value>,
    pub rules: Map<String, Value>,
    pub resources: Map<String, Value>,
    pub outputs: Map<String, Value>,
}

/// A Lambda function together with the role it runs under.
pub struct Function {
    pub resource: String,
    pub binary: String,
    pub properties: Value,
    pub environment: Map<String, Value>,
    pub grants: Vec<Grant>,
}

/// One `Allow` statement.
#[derive(Debug)]
pub struct Grant {
    pub actions: Vec<String>,
    pub resources: Vec<Value>,
}

/// What the product is deployed from.
#[must_use]
pub fn product() -> Template {
    Template::parse(&files::text(&files::root().join("template.yaml")))
}

#[must_use]
pub fn alarms() -> Template {
    Template::parse(&files::text(&files::root().join("infra/alarms.yaml")))
}

impl Template {
    #[must_use]
    pub fn parse(source: &str) -> Self {
        let documents = Yaml::load_from_str(source).expect("the template is YAML");
        let whole = to_json(documents.first().expect("the template has a document"));
        let section = |name: &str| whole[name].as_object().cloned().unwrap_or_default();
        Self {
            parameters: section("Parameters"),
            rules: section("Rules"),
            resources: section("Resources"),
            outputs: section("Outputs"),
        }
    }

    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.resources.iter().filter(move |(_, resource)| resource["Type"] == kind)
    }

    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        self.of_type("AWS::Serverless::Function")
            .map(|(name, resource)| {
                let properties = resource["Properties"].clone();
                Function {
                    resource: name.clone(),
                    binary: word(&resource["Metadata"]["BuildProperties"]["Binary"]),
                    environment: properties["Environment"]["Variables"].as_object().cloned().unwrap_or_default(),
                    grants: self.grants_of(&properties["Role"]),
                    properties,
                }
            })
            .collect()
    }

    #[must_use]
    pub fn function(&self, binary: &str) -> Function {
        self.functions()
            .into_iter()
            .find(|function| function.binary == binary)
            .unwrap_or_else(|| panic!("no function {binary} in the template"))
    }

    /// What the API hands to a function, such as `POST /api/v1/ussd/handle/{secret}`.
    #[must_use]
    pub fn routes(&self, binary: &str) -> Vec<String> {
        let properties = self.function(binary).properties;
        let events = properties["Events"].as_object().expect("a function with requests has events");
        let route = |event: &Value| Some(format!("{} {}", event["Method"].as_str()?, event["Path"].as_str()?));
        events.values().filter_map(|event| route(&event["Properties"])).collect()
    }

    fn grants_of(&self, role: &Value) -> Vec<Grant> {
        let name = target(role).unwrap_or_else(|| panic!("a role is named by !GetAtt, not {role}"));
        grants_in(&self.resources[&name]["Properties"]["Policies"])
    }
}

/// Every `Allow` statement in `policies`.
#[must_use]
pub fn grants_in(policies: &Value) -> Vec<Grant> {
    let mut grants = Vec::new();
    collect_grants(policies, &mut grants);
    grants
}

impl Grant {
    /// Whether it allows `action` on `resource`, which is written as [`place`] writes it.
    #[must_use]
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        self.actions.iter().any(|allowed| allowed == action)
            && self.resources.iter().map(place).any(|allowed| match allowed.strip_suffix('*') {
                Some(start) => resource.starts_with(start),
                None => resource == allowed,
            })
    }
}

/// What a statement's resource speaks of, with the template's names: `Table`, `Table/index/due`, `Bucket/audit/*`.
#[must_use]
pub fn place(value: &Value) -> String {
    let Some(text) = value["Fn::Sub"].as_str() else {
        return target(value).unwrap_or_else(|| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    };
    match text.strip_prefix("${").and_then(|text| text.split_once(".Arn}")) {
        Some((name, rest)) => format!("{name}{rest}"),
        None => text.to_owned(),
    }
}

/// The resource that `!Ref X`, `!GetAtt X.Arn` or `!Sub "${X.Arn}/…"` speaks of.
#[must_use]
pub fn target(value: &Value) -> Option<String> {
    if let Some(name) = value["Ref"].as_str() {
        return Some(name.to_owned());
    }
    if let Some(name) = value["Fn::GetAtt"][0].as_str() {
        return Some(name.to_owned());
    }
    let inside = value["Fn::Sub"].as_str()?.strip_prefix("${")?;
    let name = inside.split(['.', '}']).next()?;
    Some(name.to_owned())
}

#[must_use]
pub fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or_else(|| panic!("a number should stand here, not {value}"))
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a word should stand here, not {value}")).to_owned()
}

/// Statements hide in lists and behind `!If`; wherever one is, it counts.
fn collect_grants(value: &Value, grants: &mut Vec<Grant>) {
    if let Some(list) = value.as_array() {
        for item in list {
            collect_grants(item, grants);
        }
    } else if value["Effect"] == "Allow" {
        grants.push(Grant {
            actions: one_or_many(&value["Action"]).iter().map(word).collect(),
            resources: one_or_many(&value["Resource"]),
        });
    } else if let Some(fields) = value.as_object() {
        for field in fields.values() {
            collect_grants(field, grants);
        }
    }
}

fn one_or_many(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn to_json(node: &Yaml) -> Value {
    match node {
        Yaml::Value(scalar) => scalar_to_json(scalar),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(fields) => {
            fields.iter().map(|(key, value)| (word(&to_json(key)), to_json(value))).collect::<Map<_, _>>().into()
        }
        Yaml::Tagged(tag, inner) => spelled_out(tag, to_json(inner)),
        Yaml::Representation(text, ..) => json!(text),
        Yaml::Alias(_) => panic!("CloudFormation has no aliases"),
        Yaml::BadValue => panic!("a value in the template can't be read"),
    }
}

fn scalar_to_json(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(is) => json!(is),
        Scalar::Integer(number) => json!(number),
        Scalar::FloatingPoint(number) => json!(number.into_inner()),
        Scalar::String(text) => json!(text),
    }
}

fn spelled_out(tag: &Tag, inner: Value) -> Value {
    if tag.is_yaml_core_schema() {
        return inner;
    }
    match tag.suffix.as_str() {
        "Ref" | "Condition" => json!({ tag.suffix.as_str(): inner }),
        "GetAtt" => {
            let path = match inner.as_str().and_then(|path| path.split_once('.')) {
                Some((resource, attribute)) => json!([resource, attribute]),
                None => inner,
            };
            json!({ "Fn::GetAtt": path })
        }
        function => {
            let long = format!("Fn::{function}");
            json!({ long: inner })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_become_what_they_stand_for() {
        let template = Template::parse(concat!(
            "Resources:\n",
            "  A: !If [Yes, !Ref Table, !GetAtt Queue.Arn]\n",
            "  B: !Sub \"${Table.Arn}/index/due\"\n",
            "  C: !Select [0, !Ref List]\n",
            "  D: [1, \"1\", true, !Not [!Equals [a, b]]]\n",
        ));
        assert_eq!(
            template.resources["A"],
            json!({"Fn::If": ["Yes", {"Ref": "Table"}, {"Fn::GetAtt": ["Queue", "Arn"]}]})
        );
        assert_eq!(target(&template.resources["B"]).as_deref(), Some("Table"));
        assert_eq!(template.resources["C"], json!({"Fn::Select": [0, {"Ref": "List"}]}));
        assert_eq!(template.resources["D"], json!([1, "1", true, {"Fn::Not": [{"Fn::Equals": ["a", "b"]}]}]));
    }

    #[test]
    fn a_grant_allows_its_actions_on_its_resources_and_nothing_else() {
        let template = Template::parse(concat!(
            "Resources:\n",
            "  S:\n",
            "    - {Effect: Allow, Action: [a:B, a:C], Resource: [!GetAtt T.Arn, !Sub \"${T.Arn}/index/due\"]}\n",
            "    - {Effect: Allow, Action: a:D, Resource: !Sub \"${Files.Arn}/audit/${Environment}/*\"}\n",
            "    - {Effect: Allow, Action: a:E, Resource: !Ref Secret}\n",
        ));
        let grants = grants_in(&template.resources["S"]);
        let allowed = |action, resource| grants.iter().any(|grant| grant.allows(action, resource));
        assert!(allowed("a:B", "T") && allowed("a:C", "T/index/due") && allowed("a:E", "Secret"));
        assert!(allowed("a:D", "Files/audit/${Environment}/2026/11"));
        for (action, resource) in
            [("a:B", "T/index/other"), ("a:B", "T/"), ("a:D", "T"), ("a:D", "Files/audit/"), ("a:F", "T")]
        {
            assert!(!allowed(action, resource), "{action} on {resource}");
        }
    }

    #[test]
    fn a_statement_behind_an_if_counts_and_a_denial_does_not() {
        let template = Template::parse(concat!(
            "Resources:\n",
            "  Role:\n",
            "    Properties:\n",
            "      Policies:\n",
            "        - !If [Yes, {S: [{Effect: Allow, Action: a:B, Resource: \"*\"}]}, !Ref AWS::NoValue]\n",
            "        - S: {Effect: Deny, Action: c:D, Resource: \"*\"}\n",
        ));
        let grants = template.grants_of(&json!({"Fn::GetAtt": ["Role", "Arn"]}));
        assert_eq!(grants.len(), 1);
        assert_eq!(grants[0].actions, ["a:B"]);
    }
}
