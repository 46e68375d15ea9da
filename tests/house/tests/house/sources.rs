//! Every source is compiled, and every test in one is run.

use house::files;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

/// Marks of a test.
const MARKS: [&str; 4] = ["#[test]", "#[tokio::test", "#[cfg(test)]", "proptest!"];

struct Target {
    kind: String,
    source: PathBuf,
    tested: bool,
}

/// What cargo builds of this workspace.
fn targets() -> Vec<Target> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(files::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let all = packages.iter().flat_map(|package| package["targets"].as_array().expect("targets"));
    all.map(|target| Target {
        kind: target["kind"][0].as_str().expect("a kind").to_owned(),
        source: PathBuf::from(target["src_path"].as_str().expect("a path")),
        tested: target["test"].as_bool().expect("whether it is tested"),
    })
    .collect()
}

/// The file that has to name this one, and the word by which it does.
fn parent(source: &Path) -> Option<(PathBuf, String)> {
    let folder = source.parent()?;
    let stem = source.file_stem()?.to_string_lossy().into_owned();
    let (at, named) = if stem == "mod" {
        (folder.parent()?, folder.file_name()?.to_string_lossy().into_owned())
    } else {
        (folder, stem)
    };
    let beside = at.with_extension("rs");
    let inside = ["mod.rs", "lib.rs", "main.rs"].map(|name| at.join(name));
    let found = inside.into_iter().chain([beside]).find(|path| path.is_file() && path != source)?;
    Some((found, named))
}

#[test]
fn a_program_that_is_not_tested_holds_no_test() {
    let mut looked_at = 0;
    for target in targets().iter().filter(|target| !target.tested) {
        let sources = match target.kind.as_str() {
            "lib" => files::below(target.source.parent().expect("a folder"), "rs"),
            _ => vec![target.source.clone()],
        };
        for source in sources {
            looked_at += 1;
            let text = files::text(&source);
            for mark in MARKS {
                assert!(!text.contains(mark), "{}: `{mark}` in a source that no test run reads", files::name(&source));
            }
        }
    }
    assert!(looked_at > 100, "{looked_at} sources were looked at");
}

#[test]
fn every_source_is_named_by_the_one_above_it() {
    let begins: BTreeSet<PathBuf> = targets().into_iter().map(|target| target.source).collect();
    let mut looked_at = 0;
    for room in ["functions", "shared", "infra", "tests"] {
        for source in files::below(&files::root().join(room), "rs") {
            if begins.contains(&source) {
                continue;
            }
            looked_at += 1;
            let (above, name) = parent(&source).unwrap_or_else(|| panic!("{}: nothing is above", source.display()));
            let named = files::text(&above).lines().any(|line| {
                let line = line.trim_start();
                let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
                line == format!("mod {name};")
            });
            assert!(named, "{} isn't named by {}: it isn't compiled", files::name(&source), files::name(&above));
        }
    }
    assert!(looked_at > 200, "{looked_at} sources were looked at");
}
