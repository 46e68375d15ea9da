//! The binaries that are started: `ussd` as it is deployed, and a bare function built in the same way.

use crate::Result;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or_else(|| "this crate lies two folders deep".into())
}

/// Cargo's target folder, in which this program was built.
pub fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2).ok_or("this program lies in no target folder")?;
    Ok(folder.to_path_buf())
}

/// What isn't built by cargo, or not from a package of ours.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target()?.join("performance").join(name);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(folder).args(arguments).arg("--target-dir").arg(target()?);
    // What `cargo run` sets about this package would have dependencies built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|of| text.starts_with(of)) {
            command.env_remove(&name);
        }
    }
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("cargo {}: {status}", arguments.join(" ")).into()) }
}

/// Built alone, because features of other packages of a build would be in it too.
pub fn ussd() -> Result<PathBuf> {
    cargo(root()?, &["build", "--release", "-p", "ussd"])?;
    Ok(target()?.join("release").join("ussd"))
}

/// Leaves a file that says the same already, so that cargo has nothing to build again.
fn write(file: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(file).ok().as_deref() != Some(text) {
        fs::write(file, text)?;
    }
    Ok(())
}

/// A package of its own with this repository's profile, versions and dependency lines: as a second binary of this
/// package it would carry what this one needs.
pub fn hello() -> Result<PathBuf> {
    let folder = scratch("hello")?;
    let manifest = fs::read_to_string(root()?.join("Cargo.toml"))?;
    let dependency = |name: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{name} = ")));
        line.ok_or_else(|| format!("the workspace has no dependency {name}"))
    };
    let profile: Vec<&str> =
        manifest.lines().skip_while(|line| *line != "[profile.release]").take_while(|line| !line.is_empty()).collect();
    let own = [
        "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\n",
        "[workspace]\n",
        "[dependencies]",
        dependency("lambda_http")?,
        dependency("tokio")?,
        "",
        &profile.join("\n"),
        "",
    ]
    .join("\n");
    fs::create_dir_all(folder.join("src"))?;
    write(&folder.join("Cargo.toml"), &own)?;
    write(&folder.join("src/main.rs"), include_str!("../hello/main.rs"))?;
    fs::copy(root()?.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    cargo(&folder, &["build", "--release", "--offline"])?;
    Ok(target()?.join("release").join("hello"))
}
