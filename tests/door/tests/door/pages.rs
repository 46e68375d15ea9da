//! The pages that letters' links lead to.

use door::Office;

// proves: ACC-06
#[tokio::test]
async fn the_pages_of_links_open_for_anybody_and_run_no_script_but_ours() {
    let office = Office::open().await;
    for (path, kind, words) in [
        ("/password", "text/html", "Set your password"),
        ("/confirm", "text/html", "Confirm your new address"),
        ("/link.css", "text/css", "color-scheme"),
        ("/link.js", "text/javascript", "use strict"),
    ] {
        let got = office.ask("GET", path).send().await.expect(200);
        assert!(got.header("content-type").starts_with(kind), "{path}: {}", got.header("content-type"));
        assert!(got.text.contains(words), "{path}");
        let policy = got.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            !got.text.contains("onclick") && !got.text.contains("<style") && !got.text.contains("{title}"),
            "{path}"
        );
    }
}
