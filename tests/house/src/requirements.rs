//! The table of requirements against the tests that say they prove them.
//!
//! A test says so with a comment among its attributes, `// proves: RED-01, PAY-02`. The table says so with the test's
//! name in its last column. Both must say the same, so that "done" can't be claimed by words alone.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, PartialEq, Eq)]
pub struct ProvingTest {
    pub name: String,
    pub file: String,
    pub ids: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct Read {
    pub tests: Vec<ProvingTest>,
    pub differences: Vec<String>,
}

struct Row {
    id: String,
    state: String,
    tests: BTreeSet<String>,
}

/// Every sentence of the answer is one thing to put right.
#[must_use]
pub fn differences(table: &str, sources: &[(String, String)]) -> Vec<String> {
    let (rows, mut found) = rows_of(table);
    let mut tests = Vec::new();
    for (file, source) in sources {
        let read = tests_in(file, source);
        tests.extend(read.tests);
        found.extend(read.differences);
    }

    let mut by_name: BTreeMap<&str, Vec<&ProvingTest>> = BTreeMap::new();
    for test in &tests {
        by_name.entry(&test.name).or_default().push(test);
    }
    let listed: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.id.as_str(), row)).collect();

    for row in &rows {
        for name in &row.tests {
            match by_name.get(name.as_str()) {
                None => found.push(format!("{}: lists `{name}`, but there is no such test", row.id)),
                Some(same) if !same.iter().any(|test| test.ids.contains(&row.id)) => found.push(format!(
                    "{}: lists `{name}`, but that test ({}) doesn't say `proves: {}`",
                    row.id, same[0].file, row.id
                )),
                Some(_) => {}
            }
        }
        if row.state == "done" && row.tests.is_empty() {
            found.push(format!("{}: is done, but no test is listed", row.id));
        }
    }
    for test in &tests {
        for id in &test.ids {
            match listed.get(id.as_str()) {
                None => found.push(format!("{}: `{}` proves {id}, which the table doesn't have", test.file, test.name)),
                Some(row) if !row.tests.contains(&test.name) => {
                    found.push(format!("{id}: doesn't list `{}` ({}), which proves it", test.name, test.file));
                }
                Some(_) => {}
            }
        }
        if let Some(same) = by_name.get(test.name.as_str())
            && let Some(other) = same.iter().find(|other| other.file != test.file)
            && !test.ids.is_empty()
            && !other.ids.is_empty()
            && test.file < other.file
        {
            found.push(format!("{}, {}: two proving tests are called `{}`", test.file, other.file, test.name));
        }
    }
    found
}

/// Rows below a header `| id | … | proved by |`; tables with other headers are somebody else's.
fn rows_of(table: &str) -> (Vec<Row>, Vec<String>) {
    let mut rows: Vec<Row> = Vec::new();
    let mut found = Vec::new();
    let mut ours = false;
    let mut seen = false;
    for line in table.lines() {
        let Some(inside) = line.trim().strip_prefix('|') else {
            ours = false;
            continue;
        };
        let cells = cells_of(inside);
        let (first, last) = (cells[0].to_lowercase(), cells[cells.len() - 1].to_lowercase());
        if first == "id" && last == "proved by" {
            ours = true;
            seen = true;
            continue;
        }
        if !ours || first.chars().all(|letter| "-: ".contains(letter)) {
            continue;
        }
        let [id, _promise, state, tests] = cells.as_slice() else {
            found.push(format!("a row has {} cells instead of 4: {}", cells.len(), line.trim()));
            continue;
        };
        if !is_id(id) {
            found.push(format!("`{id}` doesn't look like AAA-00"));
        }
        if !["done", "partly", "open"].contains(&state.as_str()) {
            found.push(format!("{id}: its state is `{state}`, not done, partly or open"));
        }
        if rows.iter().any(|row| row.id == *id) {
            found.push(format!("{id}: stands in the table twice"));
        }
        // Backticks come in pairs, so every second piece is a name.
        let pieces: Vec<&str> = tests.split('`').collect();
        if pieces.len().is_multiple_of(2) {
            found.push(format!("{id}: a backtick is missing in `proved by`"));
        }
        rows.push(Row {
            id: id.clone(),
            state: state.clone(),
            tests: pieces.iter().skip(1).step_by(2).map(|name| name.trim().to_owned()).collect(),
        });
    }
    if !seen {
        found.push("there is no table `| id | promise | state | proved by |`".to_owned());
    }
    (rows, found)
}

/// Cells between bars; `\|` is a bar inside a cell.
fn cells_of(inside: &str) -> Vec<String> {
    let inside = inside.strip_suffix('|').unwrap_or(inside);
    inside.replace("\\|", "\u{0}").split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

fn is_id(word: &str) -> bool {
    let Some((letters, digits)) = word.split_once('-') else {
        return false;
    };
    letters.len() == 3
        && letters.bytes().all(|letter| letter.is_ascii_uppercase())
        && digits.len() == 2
        && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// Test functions of one file, those within `proptest!` included, with the ids they say they prove.
#[must_use]
pub fn tests_in(file: &str, source: &str) -> Read {
    let mut read = Read::default();
    let mut ids = BTreeSet::new();
    let mut is_test = false;
    let mut open_brackets = 0_usize;
    for (at, line) in source.lines().map(str::trim).enumerate() {
        if let Some(claim) = line.strip_prefix("// proves:") {
            for id in claim.split(',').map(str::trim) {
                if is_id(id) {
                    ids.insert(id.to_owned());
                } else {
                    read.differences.push(format!("{file}:{}: `{id}` doesn't look like AAA-00", at + 1));
                }
            }
        } else if open_brackets > 0 || line.starts_with("#[") {
            is_test |= open_brackets == 0 && is_test_attribute(line);
            // An attribute may run over several lines.
            open_brackets = (open_brackets + line.matches('[').count()).saturating_sub(line.matches(']').count());
        } else if line.starts_with("//") {
            // Other comments may stand between.
        } else if let Some(name) = function_name(line) {
            if is_test {
                read.tests.push(ProvingTest {
                    name: name.to_owned(),
                    file: file.to_owned(),
                    ids: std::mem::take(&mut ids),
                });
            } else if !ids.is_empty() {
                read.differences.push(format!("{file}:{}: `{name}` says what it proves, but isn't a test", at + 1));
            }
            ids.clear();
            is_test = false;
        } else {
            if !ids.is_empty() {
                read.differences.push(format!("{file}:{}: a `proves` line stands above no test", at + 1));
            }
            ids.clear();
            is_test = false;
        }
    }
    read
}

fn is_test_attribute(line: &str) -> bool {
    let inside = line.trim_start_matches("#[");
    let path: String = inside.chars().take_while(|letter| !"]( ".contains(*letter)).collect();
    path == "test" || path.ends_with("::test")
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for word in ["pub ", "pub(crate) ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(['(', '<']).next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = concat!(
        "// proves: RED-01, PAY-02\n",
        "#[tokio::test(flavor = \"current_thread\")]\n",
        "// A word about it.\n",
        "async fn a_code_pays_once() {\n",
        "}\n",
        "proptest! {\n",
        "    #[test]\n",
        "    // proves: RED-01\n",
        "    fn any_code_reads_back(code in codes()) {\n",
        "    }\n",
        "}\n",
        "#[test]\n",
        "fn proves_nothing_in_particular() {}\n",
        "fn no_test() {}\n",
    );

    fn compare(rows: &str) -> Vec<String> {
        let table = format!("# Title\n\n| id | promise | state | proved by |\n|---|---|---|---|\n{rows}");
        differences(&table, &[("a.rs".to_owned(), SOURCE.to_owned())])
    }

    #[test]
    fn a_table_and_its_tests_that_say_the_same_differ_in_nothing() {
        let rows = "| RED-01 | a \\| b | done | `a_code_pays_once`, `any_code_reads_back` |\n\
                    | PAY-02 | p | partly | `a_code_pays_once` |\n\
                    | PAY-03 | p | open | |\n";
        assert_eq!(compare(rows), Vec::<String>::new());
    }

    #[test]
    fn each_way_of_disagreeing_has_its_sentence() {
        let rows = "| RED-01 | p | done | `a_code_pays_once`, `gone` |\n\
                    | RED-01 | p | maybe | `any_code_reads_back` |\n\
                    | PAY-03 | p | done | |\n\
                    | PAY-4 | p | open | `no_test` |\n\
                    | USD-01 | p | done | `proves_nothing_in_particular` |\n\
                    | USD-02 | p | done |\n";
        let found = compare(rows).join("\n");
        for sentence in [
            "RED-01: lists `gone`, but there is no such test",
            "RED-01: stands in the table twice",
            "RED-01: its state is `maybe`",
            "PAY-03: is done, but no test is listed",
            "`PAY-4` doesn't look like AAA-00",
            "PAY-4: lists `no_test`, but there is no such test",
            "USD-01: lists `proves_nothing_in_particular`, but that test (a.rs) doesn't say",
            "a row has 3 cells instead of 4",
            "a.rs: `a_code_pays_once` proves PAY-02, which the table doesn't have",
        ] {
            assert!(found.contains(sentence), "missing: {sentence}\nin:\n{found}");
        }
    }

    #[test]
    fn a_test_that_the_table_forgets_is_named() {
        let found = compare("| RED-01 | p | done | `a_code_pays_once` |\n| PAY-02 | p | done | `a_code_pays_once` |\n");
        assert_eq!(found, ["RED-01: doesn't list `any_code_reads_back` (a.rs), which proves it"]);
    }

    #[test]
    fn a_claim_that_hangs_in_the_air_is_named() {
        let source = "// proves: RED-01\n\n#[test]\nfn a() {}\n// proves: RED-1\n// proves: RED-02\nfn b() {}\n";
        let read = tests_in("b.rs", source);
        assert_eq!(
            read.differences,
            [
                "b.rs:2: a `proves` line stands above no test",
                "b.rs:5: `RED-1` doesn't look like AAA-00",
                "b.rs:7: `b` says what it proves, but isn't a test",
            ]
        );
        assert!(read.tests[0].ids.is_empty());
    }
}
