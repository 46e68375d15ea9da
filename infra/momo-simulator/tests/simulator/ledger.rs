use std::{fs, io::Write, path::PathBuf};

use momo_simulator::{Behaviour, Simulator};

use crate::caller::{Caller, REFERENCE, answered, config, reference};

/// A file of its own for one test, gone afterwards.
struct LedgerFile(PathBuf);

impl LedgerFile {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("momo-ledger-{}-{test}.jsonl", std::process::id()));
        fs::remove_file(&path).ok();
        Self(path)
    }
}

impl Drop for LedgerFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[tokio::test]
async fn a_restart_forgets_no_transfer_no_send_and_no_franc() {
    let file = LedgerFile::new("restart");
    let first = Caller::with_ledger(Some(file.0.clone())).await;
    first.transfer(REFERENCE).await;
    first.transfer(REFERENCE).await;
    first.simulator.behave(Behaviour { settle_after_ms: 60_000, ..Behaviour::default() });
    first.transfer(&reference(1)).await;
    let before = first.simulator.transfers();
    let calls = first.simulator.due_callbacks().len();
    drop(first);

    let second = Caller::with_ledger(Some(file.0.clone())).await;
    assert_eq!(second.simulator.transfers(), before);
    assert_eq!((second.simulator.balance(), calls), (9_500, 1));
    assert_eq!(answered(second.transfer(REFERENCE).await).status(), 409);
    assert!(second.simulator.due_callbacks().is_empty());
    second.advance(60_000);
    assert_eq!((second.simulator.paid_total(), second.simulator.balance()), (1_000, 9_000));
    assert_eq!(second.simulator.due_callbacks().len(), 1);
    let numbers: Vec<_> =
        second.simulator.transfers().into_iter().map(|transfer| transfer.financial_transaction_id).collect();
    assert_ne!(numbers[0], numbers[1]);
}

#[tokio::test]
async fn a_line_that_breaks_off_was_never_answered_for_and_is_cut_away() {
    let file = LedgerFile::new("torn");
    let first = Caller::with_ledger(Some(file.0.clone())).await;
    first.transfer(REFERENCE).await;
    drop(first);
    let mut broken = fs::OpenOptions::new().append(true).open(&file.0).unwrap();
    broken.write_all(b"{\"transfer\":{\"row\":").unwrap();
    drop(broken);

    let second = Caller::with_ledger(Some(file.0.clone())).await;
    second.transfer(&reference(1)).await;
    drop(second);
    let third = Caller::with_ledger(Some(file.0.clone())).await;
    assert_eq!((third.simulator.transfers().len(), third.simulator.paid_total()), (2, 1_000));
}

#[test]
fn a_file_that_is_no_ledger_is_refused() {
    let file = LedgerFile::new("other");
    fs::write(&file.0, "hello\n").unwrap();
    assert!(Simulator::new(config(Some(file.0.clone())), std::sync::Arc::new(|| 0)).is_err());
}
