//! Codes: found, looked at, and changed one by one.

use crate::{
    Desk, Keep, Trouble,
    batches::{field_problem, sees},
};
use domain::{
    access::{Actor, Authority, Permit},
    audit::{Class, Entry, Severity},
    batch::{Act, Batch, BatchState, Code, CodeId, CodeState, NotPossible, Run, RunState, Statistics, expiry_problem},
    code::{CodeText, Malformed},
    identity::{digest, hex},
    job::SELECTION_MAX,
    permission::{Right, right},
    redemption::meant,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};
use store::{CodeChange, DayCounts, StoreError};

/// A code with what it is judged by.
#[derive(Clone, Debug)]
pub struct Found {
    pub code: Code,
    pub batch: Arc<Batch>,
    pub run: Arc<Run>,
    pub state: CodeState,
}

impl Found {
    /// As it may be shown to whoever has not asked to see it: whole once its value was delivered, else its beginning. A
    /// claim alone can still be taken back.
    pub fn shown(&self) -> (String, bool) {
        if self.code.is_settled() { (self.code.text.printed(), false) } else { (self.code.text.masked(), true) }
    }
}

/// What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct CodeUpdate {
    /// `Some(None)` takes its own date off.
    pub expires_at: Option<Option<Timestamp>>,
    pub metadata: Option<BTreeMap<String, String>>,
}

/// What a look at one text finds.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Why it can't be a code of ours, if it can't.
    pub problem: Option<Malformed>,
    pub found: Option<Found>,
    /// It was found under another text than was typed: O for 0 and the like.
    pub corrected: bool,
}

/// The newest entries of a code's history that are shown with it.
const HISTORY: usize = 50;

/// The most batches that figures over several are made of.
pub const STATISTICS_BATCHES: usize = 50;

fn not_possible(why: NotPossible) -> Trouble {
    let code = match why {
        NotPossible::Already => "already_so",
        NotPossible::In(_) => "not_possible",
    };
    Trouble::State(code, why.to_string())
}

fn too_many_this_hour(now: Timestamp) -> Trouble {
    let left_s = 3_600 - now.as_second().rem_euclid(3_600);
    Trouble::TooMany { retry_after_s: u32::try_from(left_s).unwrap_or(3_600) }
}

impl Desk {
    /// The code of this id, if it is live and the actor sees its batch.
    async fn found_code(&self, actor: &Actor, id: &CodeId) -> Result<Found, Trouble> {
        let deadline = self.deadline();
        let text = self.store.code_text(id, deadline).await?.ok_or(Trouble::NotFound("code"))?;
        let found = self.by_text(actor, &text).await?.filter(|found| found.code.id() == *id);
        found.ok_or(Trouble::NotFound("code"))
    }

    pub(crate) async fn by_text(&self, actor: &Actor, text: &CodeText) -> Result<Option<Found>, Trouble> {
        let Some((code, batch, run)) = self.store.code_with_batch(text, self.deadline()).await? else {
            return Ok(None);
        };
        if run.state != RunState::Live || !sees(actor, &batch) {
            return Ok(None);
        }
        let state = code.state(&batch, self.settings().await?.redemption.grace_hours, self.now());
        Ok(Some(Found { code, batch: Arc::new(batch), run: Arc::new(run), state }))
    }

    /// A code, and what was done to it, newest first.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn code(
        &self,
        permit: &Permit<right::PromoCodesRead>,
        id: &CodeId,
    ) -> Result<(Found, Vec<Entry>), Trouble> {
        let found = self.found_code(permit.actor(), id).await?;
        let history = self.store.code_history(permit, id, self.now(), HISTORY, self.deadline()).await?;
        Ok((found, history))
    }

    /// Notes that a code which isn't redeemed yet was shown whole (COD-14).
    ///
    /// # Errors
    /// [`Trouble::Store`]: what can't be noted isn't shown.
    pub async fn reveal(&self, permit: &Permit<right::PromoCodesDownload>, found: &Found) -> Result<String, Trouble> {
        if found.shown().1 {
            let entity = format!("code:{}", found.code.id());
            self.note(permit, (Class::Access, Severity::Warning), "code.revealed", entity).await?;
        }
        Ok(found.code.text.printed())
    }

    /// Finds what a typed text means: itself, or with slips of reading forgiven a code that was generated (COD-15).
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn look_up<R: Right>(&self, permit: &Permit<R>, typed: &str) -> Result<Lookup, Trouble> {
        let actor = permit.actor();
        let text = match CodeText::parse(typed) {
            Ok(text) => text,
            Err(problem) => return Ok(Lookup { problem: Some(problem), found: None, corrected: false }),
        };
        let exact = self.by_text(actor, &text).await?;
        let forgiven = match text.forgiven() {
            Some(other) if exact.is_none() => self.by_text(actor, &other).await?,
            Some(_) | None => None,
        };
        let corrected = exact.is_none();
        // One rule for people redeeming and for staff.
        let code =
            meant(exact.as_ref().map(|found| found.code.clone()), forgiven.as_ref().map(|found| found.code.clone()));
        let found = exact.or(forgiven).filter(|_| code.is_some());
        let problem = if found.is_some() { None } else { text.printed_problem() };
        Ok(Lookup { problem, corrected: corrected && found.is_some(), found })
    }

    /// Blocks, unblocks or deletes one code.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::State`] where the code's state doesn't allow it.
    pub async fn change_code(
        &self,
        permit: &Permit<right::PromoCodesStatusChange>,
        id: &CodeId,
        act: Act,
        reason: &str,
        keep: Keep<'_, Found>,
    ) -> Result<Found, Trouble> {
        let until = self.deadline();
        loop {
            let found = self.found_code(permit.actor(), id).await?;
            let after = found.code.after(act, found.state).map_err(not_possible)?;
            let now = self.now();
            let state = after.state(&found.batch, self.settings().await?.redemption.grace_hours, now);
            let entity = format!("batch:{}", found.batch.id);
            let written = self.store.act(permit, now, Class::Change, "batch.code_changed", entity)?;
            let written = written.changed("code", None, Some(id.to_string()));
            let change = CodeChange { before: &found.code, after: &after, act };
            let written = written.code(&change, permit, reason)?;
            let done = Found { code: after.clone(), state, ..found.clone() };
            match written.answered(keep.of(&done))?.commit(self.deadline()).await {
                Ok(()) => return Ok(done),
                // Somebody has claimed or changed it: judged anew.
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Changes a code's own date and metadata, while nobody has claimed it (COD-16).
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::Invalid`]; [`Trouble::State`] once it was claimed.
    pub async fn update_code(
        &self,
        permit: &Permit<right::PromoCodesStatusChange>,
        id: &CodeId,
        seen: impl FnOnce(&Code) -> Result<(), Trouble>,
        update: CodeUpdate,
        keep: Keep<'_, Found>,
    ) -> Result<Found, Trouble> {
        let found = self.found_code(permit.actor(), id).await?;
        seen(&found.code)?;
        match found.state {
            CodeState::Active | CodeState::Blocked | CodeState::Expired => {}
            state @ (CodeState::Used | CodeState::Redeemed | CodeState::Reported | CodeState::Deleted) => {
                return Err(not_possible(NotPossible::In(state)));
            }
        }
        let settings = self.settings().await?;
        let now = self.now();
        let before = &found.code;
        let mut after = Code { version: before.version + 1, ..before.clone() };
        if update.expires_at.is_some() {
            match found.batch.state {
                BatchState::Generating | BatchState::Active | BatchState::Blocked | BatchState::Expired => {}
                state @ (BatchState::Completed | BatchState::Archived | BatchState::Deleted) => {
                    let words = format!("its batch is {}; a date of its own would have no effect", state.name());
                    return Err(Trouble::State("batch_over", words));
                }
            }
        }
        if let Some(expires_at) = update.expires_at {
            if let Some(wrong) = expires_at.and_then(|at| expiry_problem(at, &settings.codes, now)) {
                return Err(Trouble::Invalid(vec![field_problem(wrong)]));
            }
            after.own_expiry = expires_at;
            if before.own_expiry.is_none()
                && expires_at.is_some()
                && self.store.own_dates(&found.batch.id, self.deadline()).await? >= SELECTION_MAX
            {
                let words =
                    format!("{SELECTION_MAX} codes of this batch have a date of their own; change the batch's date");
                return Err(Trouble::State("too_many_dates", words));
            }
        }
        after.metadata = update.metadata.unwrap_or(after.metadata);
        let shown = |code: &Code| {
            let expires = code.own_expiry.map(|at| at.to_string());
            // Columns can hold names and numbers of people: the log has only what tells values apart.
            let digests: BTreeMap<&String, String> = code
                .metadata
                .iter()
                .map(|(name, value)| (name, hex(&digest(&["metadata", &id.to_string(), name, value])[..4])))
                .collect();
            serde_json::json!({ "expires": expires, "metadata": digests })
        };
        let act = self.store.act(permit, now, Class::Change, "code.updated", format!("code:{id}"))?;
        let mut act = act.differences(&shown(before), &shown(&after)).code_details(before, &after)?;
        if after.own_expiry != before.own_expiry {
            // Whoever judges the batch as complete meanwhile is told to look again.
            let batch = Batch { version: found.batch.version + 1, look_at: Some(now), ..found.batch.as_ref().clone() };
            act = act.batch(Some(&found.batch), &batch)?;
        }
        let state = after.state(&found.batch, settings.redemption.grace_hours, now);
        // A date beyond its batch's keeps a code payable, or makes it so again.
        if after.own_expiry > before.own_expiry.or(Some(found.batch.expires_at))
            && let Some((month, issued)) = self.revived(permit.actor().user(), &settings, after.money.amount).await?
        {
            act = act.issued(&month, &issued, 0)?;
        }
        let done = Found { code: after, state, ..found.clone() };
        act.answered(keep.of(&done))?.commit(self.deadline()).await?;
        Ok(done)
    }

    /// Figures of one batch, or of the newest batches that the caller sees.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn code_statistics(
        &self,
        permit: &Permit<right::PromoCodesRead>,
        batch_id: Option<&str>,
    ) -> Result<Vec<(Batch, Statistics, BTreeMap<String, DayCounts>)>, Trouble> {
        let actor = permit.actor();
        let batches = match batch_id {
            Some(id) => vec![self.seen_batch(actor, id).await?],
            None => {
                let wanted = |batch: &Batch| batch.state != BatchState::Deleted && sees(actor, batch);
                self.store.batches(true, None, STATISTICS_BATCHES, wanted, self.deadline()).await?.items
            }
        };
        let mut found = Vec::with_capacity(batches.len());
        for batch in batches {
            let (statistics, days) = self.figures(&batch).await?;
            found.push((batch, statistics, days));
        }
        Ok(found)
    }

    /// Counts a lookup of codes against the user's hour.
    ///
    /// # Errors
    /// [`Trouble::TooMany`].
    pub async fn count_lookup(&self, actor: &Actor) -> Result<(), Trouble> {
        let limit = self.settings().await?.codes.lookups_per_hour;
        self.count_of_hour("lookup", actor, limit).await
    }

    /// Counts links to files, and exports, against the user's hour.
    ///
    /// # Errors
    /// [`Trouble::TooMany`].
    pub async fn count_download(&self, actor: &Actor) -> Result<(), Trouble> {
        let limit = self.settings().await?.security.limits.downloads_per_hour;
        self.count_of_hour("download", actor, limit).await
    }

    /// Counts files that are to be uploaded against the user's hour.
    ///
    /// # Errors
    /// [`Trouble::TooMany`].
    pub async fn count_upload(&self, actor: &Actor) -> Result<(), Trouble> {
        let limit = self.settings().await?.security.limits.uploads_per_hour;
        self.count_of_hour("upload", actor, limit).await
    }

    async fn count_of_hour(&self, kind: &str, actor: &Actor, limit: u32) -> Result<(), Trouble> {
        let now = self.now();
        let count = self.store.count_call(kind, actor.user().as_str(), now, self.deadline()).await?;
        if count.hour <= u64::from(limit) { Ok(()) } else { Err(too_many_this_hour(now)) }
    }

    /// Whether another download may be begun, without counting it: of many who ask for the same at once one begins it.
    pub(crate) async fn may_download(&self, actor: &Actor) -> Result<(), Trouble> {
        let limit = self.settings().await?.security.limits.downloads_per_hour;
        let now = self.now();
        let counted = self.store.calls_in_hour("download", actor.user().as_str(), now, self.deadline()).await?;
        if counted < u64::from(limit) { Ok(()) } else { Err(too_many_this_hour(now)) }
    }

    /// Notes that somebody may upload a file.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn note_upload(&self, by: &dyn Authority, upload: &str, bytes: u64) -> Result<(), Trouble> {
        let act = self.store.act(by, self.now(), Class::Change, "upload.asked", format!("upload:{upload}"))?;
        Ok(act.changed("bytes", None, Some(bytes.to_string())).commit(self.deadline()).await?)
    }
}
