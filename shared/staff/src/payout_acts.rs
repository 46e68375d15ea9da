//! What staff do about payouts. Each act is judged by the row as it is, and judged anew when a worker was faster.

use crate::{Desk, Keep, Trouble};
use domain::{
    access::{Authority, Permit},
    alert::{Alert, Kind},
    audit::{Class, Severity},
    identity::RedemptionId,
    payout::{NotNow, Payout},
    permission::{Right, right},
    reversal::{self, NotReversed, Reversed},
    time,
};
use jiff::Timestamp;
use store::StoreError;

/// One act: its name in the log, what is put on record beside the change, and the change.
struct Deed<'a> {
    action: &'static str,
    severity: Severity,
    told: Vec<(&'static str, &'a str)>,
    does: &'a (dyn Fn(&Payout, Timestamp) -> Result<Payout, NotNow> + Send + Sync),
    /// Raised with it.
    alert: Option<(Kind, String)>,
}

impl<'a> Deed<'a> {
    fn new(
        action: &'static str,
        does: &'a (dyn Fn(&Payout, Timestamp) -> Result<Payout, NotNow> + Send + Sync),
    ) -> Self {
        Self { action, severity: Severity::Info, told: Vec::new(), does, alert: None }
    }
}

fn not_now(why: NotNow) -> Trouble {
    Trouble::State(why.name(), why.to_string())
}

fn not_reversed(why: NotReversed) -> Trouble {
    match why {
        NotReversed::Payout(why) => not_now(why),
        NotReversed::NotClaimed => Trouble::State("not_claimed", why.to_string()),
        NotReversed::Reported => Trouble::State("reported", why.to_string()),
    }
}

/// Whatever the row is: for acts that aren't bound to what the caller has seen.
pub(crate) fn as_it_is(_: &Payout) -> Result<(), Trouble> {
    Ok(())
}

impl Desk {
    /// Nothing more is sent until it is released.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`].
    pub async fn hold_payout(
        &self,
        permit: &Permit<right::DisbursementsHold>,
        id: &RedemptionId,
        reason: &str,
        keep: Keep<'_, Payout>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.hold(who, reason, now);
        self.on_payout(permit, id, as_it_is, Deed::new("payout.held_by_hand", &does), Some(keep)).await
    }

    /// Lets a held one go on.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`].
    pub async fn release_payout(
        &self,
        permit: &Permit<right::DisbursementsHold>,
        id: &RedemptionId,
        keep: Keep<'_, Payout>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.release(who, now);
        self.on_payout(permit, id, as_it_is, Deed::new("payout.released", &does), Some(keep)).await
    }

    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::State`].
    pub async fn cancel_payout(
        &self,
        permit: &Permit<right::DisbursementsCancel>,
        id: &RedemptionId,
        seen: impl Fn(&Payout) -> Result<(), Trouble>,
        reason: &str,
        keep: Keep<'_, Payout>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.cancel(who, reason, now);
        let deed = Deed { severity: Severity::Warning, ..Deed::new("payout.cancelled_by_hand", &does) };
        self.on_payout(permit, id, seen, deed, Some(keep)).await
    }

    /// Once more, at `at` or now.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`].
    pub async fn retry_payout(
        &self,
        permit: &Permit<right::DisbursementsRetry>,
        id: &RedemptionId,
        at: Option<Timestamp>,
        keep: Option<Keep<'_, Payout>>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.retry(who, at, now);
        let when = at.map(|at| at.to_string());
        let told = when.iter().map(|at| ("at", at.as_str())).collect();
        self.on_payout(permit, id, as_it_is, Deed { told, ..Deed::new("payout.retried", &does) }, keep).await
    }

    /// Asks once more about one of which nobody knows whether it was paid.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`].
    pub async fn ask_payout(
        &self,
        permit: &Permit<right::DisbursementsRetry>,
        id: &RedemptionId,
    ) -> Result<Payout, Trouble> {
        let does = |payout: &Payout, now| payout.ask_again(now);
        self.on_payout(permit, id, as_it_is, Deed::new("payout.asked", &does), None).await
    }

    /// It starts before all waiting ones.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`].
    pub async fn hurry_payout(
        &self,
        permit: &Permit<right::DisbursementsConfigure>,
        id: &RedemptionId,
        reason: &str,
        keep: Keep<'_, Payout>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.hurry(who, reason, now);
        self.on_payout(permit, id, as_it_is, Deed::new("payout.made_urgent", &does), Some(keep)).await
    }

    /// Says that the customer was paid by other means; a second person has to agree.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::State`].
    pub async fn resolve_payout(
        &self,
        permit: &Permit<right::DisbursementsReconcile>,
        id: &RedemptionId,
        seen: impl Fn(&Payout) -> Result<(), Trouble>,
        (receipt, note): (&str, &str),
        keep: Keep<'_, Payout>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.settle(who, receipt, note, now);
        let told = vec![("receipt", receipt), ("note", note)];
        let deed = Deed { severity: Severity::Warning, told, ..Deed::new("payout.settlement_asked", &does) };
        self.on_payout(permit, id, seen, deed, Some(keep)).await
    }

    /// Agrees as the second person: to its first send, or that it was paid by other means.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::State`].
    pub async fn approve_payout(
        &self,
        permit: &Permit<right::DisbursementsApprove>,
        id: &RedemptionId,
        seen: impl Fn(&Payout) -> Result<(), Trouble>,
        keep: Keep<'_, Payout>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.approve(who, now);
        let deed = Deed { severity: Severity::Warning, ..Deed::new("payout.approved", &does) };
        self.on_payout(permit, id, seen, deed, Some(keep)).await
    }

    /// Doesn't agree, and somebody is told.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::State`].
    pub async fn refuse_payout(
        &self,
        permit: &Permit<right::DisbursementsApprove>,
        id: &RedemptionId,
        seen: impl Fn(&Payout) -> Result<(), Trouble>,
        reason: &str,
        keep: Keep<'_, Payout>,
    ) -> Result<Payout, Trouble> {
        let who = permit.actor().user();
        let does = |payout: &Payout, now| payout.disapprove(who, reason, now);
        let note = format!("A second person did not agree to this payout: {reason}");
        let deed = Deed {
            severity: Severity::Warning,
            told: vec![("reason", reason)],
            alert: Some((Kind::ApprovalRefused, note)),
            ..Deed::new("payout.refused_by_hand", &does)
        };
        self.on_payout(permit, id, seen, deed, Some(keep)).await
    }

    async fn on_payout<R: Right>(
        &self,
        permit: &Permit<R>,
        id: &RedemptionId,
        seen: impl Fn(&Payout) -> Result<(), Trouble>,
        deed: Deed<'_>,
        keep: Option<Keep<'_, Payout>>,
    ) -> Result<Payout, Trouble> {
        let zone = self.settings().await?.zone();
        let until = self.deadline();
        loop {
            let before = self.seen_payout(permit.actor(), id).await?;
            seen(&before)?;
            let now = self.now();
            let after = (deed.does)(&before, now).map_err(not_now)?;
            // What is counted when it is settled depends on its code.
            let code = match after.state.is_settled() {
                true => self.store.codes(std::slice::from_ref(&after.code), self.deadline()).await?.pop().flatten(),
                false => None,
            };
            let entity = format!("payout:{id}");
            let mut act =
                self.store.act(permit, now, Class::Money, deed.action, entity.clone())?.severity(deed.severity);
            for (field, value) in &deed.told {
                act = act.changed(field, None, Some((*value).to_owned()));
            }
            if let Some((kind, note)) = &deed.alert {
                let id = format!("{id}-{}-{}", after.version, kind.name());
                act = act.alert(&Alert { id, at: now, kind: *kind, entity, note: note.clone() })?;
            }
            let act = act.payout(&before, &after, code.as_ref(), time::day(now, &zone))?;
            let act = act.answered(keep.as_ref().and_then(|keep| keep.of(&after)))?;
            match act.commit(self.deadline()).await {
                Ok(()) => return Ok(after),
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes a redemption back before anything was sent. Its code is free again under its next generation, or blocked;
    /// what the redemption was stays as it is.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`].
    pub async fn reverse_redemption(
        &self,
        permit: &Permit<right::RedemptionsReverse>,
        id: &RedemptionId,
        (reason, block): (&str, bool),
        keep: Keep<'_, Reversed>,
    ) -> Result<Reversed, Trouble> {
        let zone = self.settings().await?.zone();
        let until = self.deadline();
        loop {
            let payout = match self.seen_payout(permit.actor(), id).await {
                Err(Trouble::NotFound(_)) => return Err(Trouble::NotFound("redemption")),
                other => other?,
            };
            let code = self.store.codes(std::slice::from_ref(&payout.code), self.deadline()).await?.pop().flatten();
            let code = code.ok_or(Trouble::NotFound("redemption"))?;
            let now = self.now();
            let who = permit.actor().user();
            let reversed = reversal::reverse(&code, &payout, (who, reason), block, now).map_err(not_reversed)?;
            let by: &dyn Authority = permit;
            let act = self.store.act(by, now, Class::Money, "redemption.reversed", format!("redemption:{id}"))?;
            let act = act.severity(Severity::Warning).changed("reason", None, Some(reason.to_owned()));
            let text = |value: &dyn ToString| Some(value.to_string());
            let act = act
                .also(by, Class::Change, "code.freed", format!("code:{}", code.id()))?
                .changed("generation", text(&code.generation), text(&reversed.code.generation))
                .changed("blocked", text(&code.blocked), text(&reversed.code.blocked));
            let act = act.also(by, Class::Money, "payout.reversed", format!("payout:{id}"))?;
            let act = act.reversal((&code, &payout), &reversed, time::day(payout.created_at, &zone))?;
            match act.answered(keep.of(&reversed))?.commit(self.deadline()).await {
                Ok(()) => return Ok(reversed),
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
