//! The functions' binaries, built from the sources as they are now.

use house::files;
use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// What cargo tells a test about its own package. Passed on to a cargo inside, some build scripts would take it for a
/// change and build their crates anew, each time.
const OF_THIS_PACKAGE: [&str; 5] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"];

/// The path of one function's binary.
///
/// # Panics
/// When the workspace can't be built.
pub fn binary(function: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(format!("{function}{}", env::consts::EXE_SUFFIX))
}

/// Builds into the folder and the profile of the running test, and answers that folder.
///
/// A test of another package isn't told where binaries are, nor does cargo build them for it: without this they would
/// be missing, or left over from earlier sources. Only these binaries are built, but the whole workspace is selected,
/// because cargo unites the features that all selected packages ask of a dependency: after `cargo test --workspace` the
/// dependencies are there already, while `-p ussd` would want the SDKs, rustls and tokio once more with fewer features.
fn build() -> PathBuf {
    // target/<profile>/deps/<this test>
    let test = env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").to_path_buf();
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        None | Some("debug") => "dev",
        Some(other) => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(files::root());
    cargo.args(["build", "--quiet", "--workspace", "--profile", profile, "--target-dir"]);
    cargo.arg(folder.parent().unwrap_or(Path::new("target")));
    for function in files::crates_in("functions") {
        cargo.args(["--bin", &function]);
    }
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| OF_THIS_PACKAGE.iter().any(|start| name.starts_with(start))) {
            cargo.env_remove(name);
        }
    }
    let built = cargo.output().expect("cargo can be run");
    assert!(built.status.success(), "the functions can't be built:\n{}", String::from_utf8_lossy(&built.stderr));
    folder
}
