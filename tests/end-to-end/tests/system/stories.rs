//! Tells every story under `tests/stories` to the real functions.

#![expect(clippy::print_stdout, reason = "what was lived through is printed beside the verdict")]

use end_to_end::story::tell;
use std::{fs, path::Path};
use tokio::task::JoinSet;

// proves: USD-01, USD-02, USD-03, USD-04, USD-05, USD-06, USD-08, USD-11, USD-12, RED-01, RED-02, RED-04, CUS-01, COD-02, COD-15, OPS-08, PAY-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_comes_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stories");
    let mut telling = JoinSet::new();
    for file in fs::read_dir(folder).expect("the stories") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|kind| kind == "txt") {
            telling.spawn(async move {
                let text = fs::read_to_string(&path).expect("a story");
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                tell(&text).await.map_err(|why| format!("{name}, {why}"))
            });
        }
    }
    let told = telling.len();
    assert!(told >= 12, "only {told} stories were found");
    let mut untrue = Vec::new();
    while let Some(one) = telling.join_next().await {
        untrue.extend(one.expect("a story doesn't panic").err());
    }
    println!("{told} stories told");
    assert!(untrue.is_empty(), "{}", untrue.join("\n"));
}

// proves: OPS-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_that_is_not_true_is_found_out_with_its_line() {
    let lies = [
        ("dial *801#\n< CON Something else", "line 2: expected"),
        ("dial *801#\n< CON Murakaza neza kuri MBELYCO!", "line 2: the screen goes on"),
        ("wallet 5000", "line 1: the wallet holds 0"),
        ("> 1", "line 1: nothing has been dialled"),
        ("sing", "line 1: \"sing\" is no word"),
    ];
    for (story, why) in lies {
        let told = tell(story).await.expect_err("a lie");
        assert!(told.starts_with(why), "{told}");
    }
}
