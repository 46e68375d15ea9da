//! Names that say nothing, and files that nobody reads to the end.

use house::files;

const SAYS_NOTHING: [&str; 4] = ["utils", "helpers", "manager", "common"];
const MOST_LINES: usize = 600;

#[test]
fn no_file_or_module_is_named_after_nothing() {
    let empty: Vec<String> = files::below(&files::root(), "rs")
        .iter()
        .map(|path| files::name(path))
        .filter(|name| {
            name.trim_end_matches(".rs")
                .split('/')
                .any(|part| SAYS_NOTHING.contains(&part) || SAYS_NOTHING.contains(&format!("{part}s").as_str()))
        })
        .collect();
    assert!(empty.is_empty(), "say what is inside: {empty:#?}");
}

#[test]
fn no_source_file_is_over_600_lines() {
    let long: Vec<String> = files::below(&files::root(), "rs")
        .iter()
        .map(|path| (files::name(path), files::text(path).lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert!(long.is_empty(), "too long to be read: {long:#?}");
}
