//! What `tests/requirements.md` says is done, and which tests say so.

use house::{files, requirements};

#[test]
fn the_table_of_requirements_and_the_tests_say_the_same() {
    let root = files::root();
    let table = files::text(&root.join("tests/requirements.md"));
    let sources: Vec<(String, String)> =
        files::below(&root, "rs").iter().map(|path| (files::name(path), files::text(path))).collect();
    let found = requirements::differences(&table, &sources);
    assert!(found.is_empty(), "tests/requirements.md and the tests differ:\n  {}", found.join("\n  "));
}
