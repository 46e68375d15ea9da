//! A limit is waived by two people, never by one.

use crate::{
    people::user_id,
    sample::{Around, noon, payout},
};
use domain::{
    payout::{Hold, Payout, State, Step},
    settings::PayoutPolicy,
};

fn limited() -> Around {
    let most_per_payout = Some(payout().money.amount - 1);
    Around { policy: PayoutPolicy { most_per_payout, ..PayoutPolicy::default() }, ..Around::default() }
}

/// Held for its size, and released by the first person.
fn waived() -> Payout {
    let Step::Hold(held, _) = limited().plan(&payout(), noon()) else { panic!("it passes the limit") };
    assert!(matches!(held.state, State::Held { why: Hold::Limit, .. }));
    held.release(&user_id(1), noon()).expect("it is held")
}

fn planned(payout: &Payout) -> Step {
    limited().plan(payout, noon())
}

// proves: PAY-09
#[test]
fn a_limit_that_one_person_waives_waits_for_a_second_one_whatever_is_done_meanwhile() {
    let (first, other, now) = (user_id(1), user_id(2), noon());
    let held_again = waived().hold(&first, "a doubt", now).expect("it waits");
    let settled_by_mistake = waived().settle(&first, "R-1", "in cash", now).expect("nothing was sent");
    let not_settled = settled_by_mistake.disapprove(&other, "no receipt", now).expect("somebody else");
    for between in [held_again, not_settled] {
        let released = between.release(&first, now).expect("it is held");
        let waits = match planned(&released) {
            Step::Postpone(waits) => waits,
            Step::Rest => released,
            sent @ (Step::CheckAccount | Step::Send(_) | Step::Ask(..) | Step::Hold(..)) => {
                panic!("nothing is sent: {sent:?}")
            }
        };
        assert!(matches!(waits.state, State::AwaitingApproval { .. }), "{:?}", waits.state);
        let agreed = waits.approve(&user_id(3), now).expect("somebody else");
        assert!(matches!(planned(&agreed), Step::Send(_)));
    }
}
