//! Configuration from the environment: each function names what it needs and fails at its start with all that is missing.

use std::{collections::BTreeMap, str::FromStr};

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("configuration: {}", .0.join("; "))]
pub struct BadConfig(pub Vec<String>);

/// Reads variables and remembers every one that is missing or malformed.
pub struct Environment {
    variables: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Environment {
    pub fn of_process() -> Self {
        Self::new(std::env::vars())
    }

    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect(), problems: Vec::new() }
    }

    /// A variable that must be there; an empty text stands in for it until [`Environment::finish`] refuses.
    pub fn required(&mut self, name: &str) -> String {
        match self.variables.get(name).filter(|value| !value.is_empty()) {
            Some(value) => value.clone(),
            None => {
                self.problems.push(format!("{name} is not set"));
                String::new()
            }
        }
    }

    pub fn optional(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    pub fn or<T: FromStr>(&mut self, name: &str, default: T) -> T {
        match self.optional(name).map(|value| value.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.problems.push(format!("{name} has a value that cannot be read"));
                default
            }
        }
    }

    pub fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    /// # Errors
    /// Everything that was missing or malformed, at once.
    pub fn finish(self) -> Result<(), BadConfig> {
        if self.problems.is_empty() { Ok(()) } else { Err(BadConfig(self.problems)) }
    }
}
