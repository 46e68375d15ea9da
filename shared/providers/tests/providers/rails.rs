//! Which rail pays whom, and which one is asked.

use crate::ours::{airtime, momo_from, payout};
use domain::payout::{Payout, Rail};
use providers::{MobileMoney, rails::Rails};
use std::sync::Arc;

fn both() -> Rails {
    Rails { mobile_money: Arc::new(momo_from([]).0), second: Some(Arc::new(airtime([]).0)) }
}

fn provider(rail: Option<&Arc<dyn MobileMoney>>) -> Option<String> {
    rail.map(|rail| rail.rail().provider)
}

// proves: PAY-13
#[test]
fn a_payout_goes_by_the_rail_it_was_redeemed_for_or_by_none() {
    let cases = [
        (false, Some("mtn-momo-disbursement"), Some("mtn-momo-disbursement")),
        (true, Some("africas-talking-airtime"), None),
    ];
    let off = Rails { second: None, ..both() };
    for (second_rail, with, without) in cases {
        let payout = Payout { second_rail, ..payout("+250788123456") };
        assert_eq!(provider(both().of(&payout)).as_deref(), with, "{second_rail:?}");
        assert_eq!(provider(off.of(&payout)).as_deref(), without, "{second_rail:?}, the second rail off");
    }
}

// proves: PAY-13
#[test]
fn a_reference_is_asked_about_under_the_identity_that_sent_it_and_under_no_other() {
    let rails = both();
    let momo = rails.mobile_money.rail();
    let airtime = rails.second.as_ref().expect("a second rail").rail();
    assert_eq!(provider(rails.known(&momo)).as_deref(), Some("mtn-momo-disbursement"));
    assert_eq!(provider(rails.known(&airtime)).as_deref(), Some("africas-talking-airtime"));
    assert_eq!(provider(Rails { second: None, ..both() }.known(&airtime)), None);

    let strangers = [
        Rail { provider: "africas-talking-airtime".to_owned(), ..momo.clone() },
        Rail { host: "https://elsewhere.example".to_owned(), ..airtime.clone() },
        Rail { target_environment: "sandbox".to_owned(), ..airtime.clone() },
        Rail::airtime("https://airtime.example", "live", "somebody-else"),
        Rail::mtn_momo("https://momo.example", "mtnrwanda", "another-user"),
    ];
    for stranger in strangers {
        assert_eq!(provider(rails.known(&stranger)), None, "{stranger:?}");
    }
}

// proves: PAY-13
#[test]
fn a_rail_names_its_account_without_showing_it() {
    let rail = airtime([]).0.rail();
    assert_eq!(rail, Rail::airtime("https://airtime.example", "live", "mbelyco"));
    assert!(!format!("{rail:?}").contains("mbelyco"));
}
