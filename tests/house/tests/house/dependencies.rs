//! Dependencies run one way: functions → service, providers, store → domain.

use house::files;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// What the business may be made of. Values in, values out: nothing here speaks to a network, a clock or a runtime.
const DOMAIN_MAY_USE: [&str; 11] = [
    "serde",
    "serde_json",
    "thiserror",
    // Civil dates and zones; a test below looks that its clock isn't read.
    "jiff",
    "sha2",
    "hmac",
    "subtle",
    "base64",
    "ipnet",
    // The trait of a random source, and a source that is a function of its seed. Chance itself comes from the caller.
    "rand_core",
    "rand_chacha",
];

/// Words by which time, chance, waiting and the outside would get into the business.
const NOT_IN_DOMAIN: [&str; 12] = [
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "OsRng",
    "from_os_rng",
    "tokio",
    "async fn",
    "reqwest",
    "aws_",
    "std::env",
];

/// Each costs a cold start more than all of our own code: jittered entropy, the system's roots, a credentials chain.
const NOT_IN_A_FUNCTION: [&str; 5] = ["aws-lc-rs", "aws-lc-sys", "aws-config", "native-tls", "openssl"];

struct Package {
    /// Its folder from the root, such as `shared/store`.
    folder: String,
    /// Folders of ours that it depends on, for whatever purpose.
    ours: Vec<String>,
    /// Crates that end up in its build.
    built_with: Vec<String>,
}

#[test]
fn functions_stand_on_service_providers_and_store_and_these_on_domain() {
    let middle = ["shared/service", "shared/providers", "shared/store"];
    for (name, package) in packages() {
        let may: Vec<&str> = match package.folder.as_str() {
            "shared/domain" => vec![],
            // What handlers have in common includes reading settings along with rows.
            "shared/service" => vec!["shared/domain", "shared/store"],
            // The ground of every REST API: refusals of the table in words, stored answers, the clock.
            "shared/web" => vec!["shared/domain", "shared/store", "shared/service"],
            // What staff do, whichever door they come by.
            "shared/staff" => vec!["shared/domain", "shared/store", "shared/service"],
            // The bucket of files knows the records that name them.
            "shared/files" => vec!["shared/domain", "shared/service"],
            // Bytes in, bytes out.
            "shared/sheets" => vec!["shared/domain"],
            // Books against the provider's, from the table to files.
            "shared/books" => vec!["shared/domain", "shared/store", "shared/service", "shared/files", "shared/sheets"],
            // Sealing reads the log and its hours, and is wired like a function.
            "shared/seal" => vec!["shared/domain", "shared/store", "shared/service", "shared/files"],
            folder if middle.contains(&folder) => vec!["shared/domain"],
            folder if folder.starts_with("functions/") => {
                let ground = [
                    "shared/domain",
                    "shared/staff",
                    "shared/web",
                    "shared/seal",
                    "shared/files",
                    "shared/sheets",
                    "shared/books",
                ];
                [&middle[..], &ground].concat()
            }
            folder if folder.starts_with("shared/") => {
                panic!("{name}: say in this test where {folder} stands")
            }
            _ => continue,
        };
        for used in &package.ours {
            assert!(may.contains(&used.as_str()), "{name} depends on {used}; it may on {may:?}");
        }
    }
}

#[test]
fn no_function_depends_on_another() {
    for (name, package) in packages() {
        if package.folder.starts_with("functions/") {
            for used in &package.ours {
                assert!(!used.starts_with("functions/"), "{name} depends on {used}");
            }
        }
    }
}

#[test]
fn nothing_that_is_deployed_knows_of_local_runs_or_tests() {
    for (name, package) in packages() {
        if package.folder.starts_with("functions/") || package.folder.starts_with("shared/") {
            for used in &package.ours {
                assert!(!used.starts_with("infra/") && !used.starts_with("tests/"), "{name} depends on {used}");
            }
        }
    }
}

#[test]
fn the_business_is_made_of_values_only() {
    let packages = packages();
    let domain = &packages["domain"];
    for used in &domain.built_with {
        assert!(
            DOMAIN_MAY_USE.contains(&used.as_str()),
            "domain uses {used}, which isn't in this test's list; does it stay without network, clock and runtime?"
        );
    }
}

#[test]
fn the_business_reads_no_clock_waits_for_nothing_and_calls_nobody() {
    let mut found = Vec::new();
    for path in files::below(&files::root().join("shared/domain/src"), "rs") {
        let source = files::text(&path);
        for (at, line) in source.lines().enumerate() {
            // A comment may say what isn't there.
            if line.trim_start().starts_with("//") {
                continue;
            }
            for word in NOT_IN_DOMAIN.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{}: {word}", files::name(&path), at + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_function_carries_what_makes_it_slow_to_start() {
    for function in files::crates_in("functions") {
        let tree = cargo(&["tree", "-p", &function, "-e", "normal", "--offline", "--prefix", "none"]);
        for line in tree.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            assert!(
                !NOT_IN_A_FUNCTION.contains(&name),
                "{function} carries {line}; see who brings it: cargo tree -p {function} -e normal -i {name}"
            );
        }
    }
}

fn packages() -> BTreeMap<String, Package> {
    let answer = cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let answer: Value = serde_json::from_str(&answer).expect("cargo metadata answers in JSON");
    list(&answer["packages"])
        .iter()
        .map(|package| {
            let manifest = std::path::Path::new(text(&package["manifest_path"]));
            let dependencies = list(&package["dependencies"]);
            let read = Package {
                folder: files::name(manifest.parent().expect("a manifest lies in a folder")),
                ours: dependencies
                    .iter()
                    .filter_map(|dependency| dependency["path"].as_str())
                    .map(|path| files::name(std::path::Path::new(path)))
                    .collect(),
                built_with: dependencies
                    .iter()
                    .filter(|dependency| dependency["kind"] != "dev")
                    .map(|dependency| text(&dependency["name"]).to_owned())
                    .collect(),
            };
            (text(&package["name"]).to_owned(), read)
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("cargo gives a list here")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo gives a word here")
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(files::root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}
