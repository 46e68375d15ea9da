//! The files of the repository as they lie in the folder, without what is built.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds `template.yaml`.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies two folders deep").to_path_buf()
}

#[must_use]
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A path as people write it: from the root, with forward slashes.
#[must_use]
pub fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Folders directly below `folder` that hold a crate.
#[must_use]
pub fn crates_in(folder: &str) -> Vec<String> {
    let mut found: Vec<String> = entries(&root().join(folder))
        .into_iter()
        .filter(|path| path.join("Cargo.toml").is_file())
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    found.sort();
    found
}

/// Every file below `folder` with this extension, sorted.
#[must_use]
pub fn below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for path in entries(&next) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Built things and links out of the repository are not ours.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| !path.is_symlink())
        .filter(|path| {
            !["target", ".git", ".aws-sam"].iter().any(|not_ours| path.file_name().is_some_and(|is| is == *not_ours))
        })
        .collect()
}
