//! Batches: made, looked at, changed, brought from state to state.

use crate::{Desk, Keep, Trouble, trouble::FieldProblem};
use domain::{
    access::{Actor, Permit},
    audit::{Class, Severity},
    batch::{Batch, BatchName, BatchState, NewBatch, NoMove, Statistics, Wrong, batch_problems, expiry_problem},
    id::UserId,
    job::Print,
    money::{Currency, Money},
    permission::{Permission, Right, right},
    role::Roles,
    staff::UserState,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use store::{DayCounts, Listed, StoreError};

/// What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct BatchUpdate {
    pub name: Option<BatchName>,
    pub description: Option<String>,
    pub expires_at: Option<Timestamp>,
    /// Only while there is no code.
    pub amount: Option<u64>,
    pub currency: Option<Currency>,
}

#[derive(Clone, Debug, Default)]
pub struct BatchFilter {
    pub state: Option<BatchState>,
    pub assigned_to: Option<UserId>,
    pub created: (Option<Timestamp>, Option<Timestamp>),
    pub expires: (Option<Timestamp>, Option<Timestamp>),
    /// In name or description, regardless of case.
    pub text: Option<String>,
}

impl BatchFilter {
    fn takes(&self, batch: &Batch) -> bool {
        let state = match self.state {
            Some(state) => batch.state == state,
            // Shown when asked for.
            None => !matches!(batch.state, BatchState::Archived | BatchState::Deleted),
        };
        let within = |at: Timestamp, (from, to): (Option<Timestamp>, Option<Timestamp>)| {
            from.is_none_or(|from| from <= at) && to.is_none_or(|to| at <= to)
        };
        let text = self.text.as_ref().is_none_or(|text| {
            let text = text.to_lowercase();
            batch.name.to_lowercase().contains(&text) || batch.description.to_lowercase().contains(&text)
        });
        state
            && text
            && within(batch.created_at, self.created)
            && within(batch.expires_at, self.expires)
            && self.assigned_to.as_ref().is_none_or(|user| batch.assigned_to.as_ref() == Some(user))
    }
}

/// A change of state that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Activate,
    Block,
    Expire,
    Archive,
    /// Out of the archive, as what it was.
    Unarchive,
}

/// A batch's printings, each with whether the date on its cards is still the batch's.
#[derive(Clone, Debug)]
pub struct Printing {
    pub print: Print,
    pub outdated: bool,
}

/// Whether the actor sees this batch at all (BAT-08).
pub(crate) fn sees(actor: &Actor, batch: &Batch) -> bool {
    !actor.assigned_only() || batch.assigned_to.as_ref() == Some(actor.user())
}

pub(crate) fn field_problem(wrong: Wrong) -> FieldProblem {
    FieldProblem::new(wrong.field, wrong.code, wrong.message)
}

pub(crate) fn no_move(why: NoMove) -> Trouble {
    let code = match why {
        NoMove::From(_, _) => "no_such_move",
        NoMove::Already => "already_so",
        NoMove::Generating | NoMove::CodesComing => "codes_coming",
        NoMove::Claimed => "codes_claimed",
        NoMove::BlockFirst => "block_first",
        NoMove::ArchiveFirst => "archive_first",
        NoMove::JustBlocked => "just_blocked",
    };
    Trouble::State(code, why.to_string())
}

impl Desk {
    /// A batch that the actor sees.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub(crate) async fn seen_batch(&self, actor: &Actor, id: &str) -> Result<Batch, Trouble> {
        let batch = self.store.batch(id, self.deadline()).await?.filter(|batch| sees(actor, batch));
        batch.ok_or(Trouble::NotFound("batch"))
    }

    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn batch(&self, permit: &Permit<right::BatchesRead>, id: &str) -> Result<Batch, Trouble> {
        self.seen_batch(permit.actor(), id).await
    }

    /// Batches by their number, behind `position`.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn batches<R: Right>(
        &self,
        permit: &Permit<R>,
        filter: &BatchFilter,
        newest_first: bool,
        position: Option<u64>,
        limit: usize,
    ) -> Result<Listed<Batch>, Trouble> {
        let actor = permit.actor();
        let wanted = |batch: &Batch| sees(actor, batch) && filter.takes(batch);
        Ok(self.store.batches(newest_first, position, limit, wanted, self.deadline()).await?)
    }

    /// A batch in figures, and what each day saw.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn batch_statistics(
        &self,
        permit: &Permit<right::BatchesRead>,
        id: &str,
    ) -> Result<(Batch, Statistics, BTreeMap<String, DayCounts>), Trouble> {
        let batch = self.seen_batch(permit.actor(), id).await?;
        let (statistics, days) = self.figures(&batch).await?;
        Ok((batch, statistics, days))
    }

    /// The figures of batches that were found already.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn figures(&self, batch: &Batch) -> Result<(Statistics, BTreeMap<String, DayCounts>), Trouble> {
        let grace_hours = self.settings().await?.redemption.grace_hours;
        Ok(self.store.statistics(batch, grace_hours, self.now(), self.deadline()).await?)
    }

    /// # Errors
    /// [`Trouble::NotFound`].
    pub async fn prints(&self, permit: &Permit<right::BatchesRead>, id: &str) -> Result<Vec<Printing>, Trouble> {
        let batch = self.seen_batch(permit.actor(), id).await?;
        let prints = self.store.prints(id, self.deadline()).await?;
        let printing = |print: Print| Printing { outdated: print.expires_at != batch.expires_at, print };
        Ok(prints.into_iter().map(printing).collect())
    }

    /// Whether a batch can be this user's: an active account that may read batches.
    pub(crate) async fn may_have<R>(&self, permit: &Permit<R>, user: &UserId, roles: &Roles) -> Result<bool, Trouble> {
        let user = self.store.user(permit, user, self.deadline()).await?;
        Ok(user.is_some_and(|user| {
            user.state == UserState::Active && user.permissions(roles).contains(Permission::BatchesRead)
        }))
    }

    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::Invalid`]; [`Trouble::State`] for one in the archive.
    pub async fn update_batch(
        &self,
        permit: &Permit<right::BatchesUpdate>,
        id: &str,
        seen: impl FnOnce(&Batch) -> Result<(), Trouble>,
        update: BatchUpdate,
        keep: Keep<'_, Batch>,
    ) -> Result<Batch, Trouble> {
        let batch = self.seen_batch(permit.actor(), id).await?;
        seen(&batch)?;
        if matches!(batch.state, BatchState::Archived | BatchState::Deleted) {
            return Err(Trouble::State("put_away", format!("a batch that is {} can't be changed", batch.state.name())));
        }
        let settings = self.settings().await?;
        let now = self.now();
        let mut problems = Vec::new();
        let mut after = match update.expires_at.filter(|at| *at != batch.expires_at) {
            None => Batch { version: batch.version + 1, ..batch.clone() },
            Some(at) => {
                problems.extend(expiry_problem(at, &settings.codes, now).map(field_problem));
                batch.dated(at, settings.redemption.grace_hours, now)
            }
        };
        let new = NewBatch {
            codes: 0,
            amount: update.amount.unwrap_or(batch.money.amount),
            currency: update.currency.unwrap_or(batch.money.currency),
            expires_at: None,
        };
        let money = Money { amount: new.amount, currency: new.currency };
        if money != batch.money {
            if batch.codes + batch.coming > 0 || batch.state == BatchState::Generating {
                for (field, differs) in [
                    ("amount", money.amount != batch.money.amount),
                    ("currency", money.currency != batch.money.currency),
                ] {
                    if differs {
                        problems.push(FieldProblem::new(field, "fixed", "it has codes; what they pay is fixed"));
                    }
                }
            } else {
                problems.extend(batch_problems(&new, &settings, self.currency, now).into_iter().map(field_problem));
            }
        }
        let name = update.name.filter(|name| name.as_str() != batch.name);
        if let Some(name) = &name {
            if self.store.batch_name_taken(name, self.deadline()).await? {
                problems.push(FieldProblem::new("name", "taken", "another batch has this name"));
            }
            after.name = name.to_string();
        }
        if !problems.is_empty() {
            return Err(Trouble::Invalid(problems));
        }
        // A later date revives codes: that mustn't pass a ceiling which making them would not have passed.
        let mut revived = None;
        if after.state.is_open() && !batch.state.is_open() {
            let (counts, _) = self.store.counts(id, self.deadline()).await?;
            let more = batch.issued_amount().saturating_sub(counts.redeemed_amount);
            revived = self.revived(permit.actor().user(), &settings, more).await?;
        }
        after.money = money;
        after.description = update.description.unwrap_or(after.description);
        let act = self.store.act(permit, now, Class::Change, "batch.updated", format!("batch:{id}"))?;
        let mut act = act.differences(&batch.audited(), &after.audited()).batch(Some(&batch), &after)?;
        if let Some((month, issued)) = &revived {
            act = act.issued(month, issued, 0)?;
        }
        match act.answered(keep.of(&after))?.commit(self.deadline()).await {
            Ok(()) => Ok(after),
            Err(StoreError::Changed) => match &name {
                Some(name) if self.store.batch_name_taken(name, self.deadline()).await? => {
                    Err(Trouble::field("name", "taken", "another batch has this name"))
                }
                Some(_) | None => Err(StoreError::Changed.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a batch to a user, or to nobody.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Invalid`] for a user who can't have it.
    pub async fn assign_batch(
        &self,
        permit: &Permit<right::BatchesAssign>,
        id: &str,
        user: Option<&UserId>,
        keep: Keep<'_, Batch>,
    ) -> Result<Batch, Trouble> {
        let batch = self.seen_batch(permit.actor(), id).await?;
        if batch.state == BatchState::Deleted {
            return Err(Trouble::State("put_away", "a deleted batch can't be given to anybody".to_owned()));
        }
        if let Some(user) = user {
            let (roles, _, _) = self.store.governance(self.deadline()).await?;
            if !self.may_have(permit, user, &roles).await? {
                return Err(Trouble::Invalid(vec![unsuitable("user")]));
            }
        }
        let after = Batch { assigned_to: user.cloned(), version: batch.version + 1, ..batch.clone() };
        let act = self.store.act(permit, self.now(), Class::Change, "batch.assigned", format!("batch:{id}"))?;
        let act = act.differences(&batch.audited(), &after.audited()).batch(Some(&batch), &after)?;
        act.answered(keep.of(&after))?.commit(self.deadline()).await?;
        Ok(after)
    }

    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::State`] when there is no such move.
    pub async fn move_batch(
        &self,
        permit: &Permit<right::BatchesStatusChange>,
        id: &str,
        seen: impl FnOnce(&Batch) -> Result<(), Trouble>,
        wish: Wish,
        keep: Option<Keep<'_, Batch>>,
    ) -> Result<Batch, Trouble> {
        let batch = self.seen_batch(permit.actor(), id).await?;
        seen(&batch)?;
        let grace_hours = self.settings().await?.redemption.grace_hours;
        let now = self.now();
        let after = match wish {
            Wish::Activate => batch.brought_to(BatchState::Active, grace_hours, now),
            Wish::Block => batch.brought_to(BatchState::Blocked, grace_hours, now),
            Wish::Expire => batch.brought_to(BatchState::Expired, grace_hours, now),
            Wish::Archive => batch.brought_to(BatchState::Archived, grace_hours, now),
            Wish::Unarchive => batch.unarchived(now),
        };
        let after = after.map_err(no_move)?;
        let action = match wish {
            Wish::Activate => "batch.unblocked",
            Wish::Block => "batch.blocked",
            Wish::Expire => "batch.expired",
            Wish::Archive => "batch.archived",
            Wish::Unarchive => "batch.unarchived",
        };
        let act = self.store.act(permit, now, Class::Change, action, format!("batch:{id}"))?;
        let act = act.severity(Severity::Warning).differences(&batch.audited(), &after.audited());
        let act = act.batch(Some(&batch), &after)?.answered(keep.and_then(|keep| keep.of(&after)))?;
        act.commit(self.deadline()).await?;
        Ok(after)
    }

    /// Deletes a batch of which no code was ever claimed. Its codes stay taken, its name is free.
    ///
    /// # Errors
    /// [`Trouble::NotFound`]; [`Trouble::Stale`]; [`Trouble::State`].
    pub async fn delete_batch(
        &self,
        permit: &Permit<right::BatchesDelete>,
        id: &str,
        seen: impl FnOnce(&Batch) -> Result<(), Trouble>,
        keep: Option<Keep<'_, ()>>,
    ) -> Result<(), Trouble> {
        let batch = self.seen_batch(permit.actor(), id).await?;
        seen(&batch)?;
        // Counted after the batch was read as it is: a claim that comes later finds it blocked or over.
        let (counts, _) = self.store.counts(id, self.deadline()).await?;
        let now = self.now();
        let after = batch.deleted(counts.redeemed + counts.reversed, now).map_err(no_move)?;
        let act = self.store.act(permit, now, Class::Change, "batch.deleted", format!("batch:{id}"))?;
        let act = act.severity(Severity::Warning).differences(&batch.audited(), &after.audited());
        let act = act.batch(Some(&batch), &after)?.answered(keep.and_then(|keep| keep.of(&())))?;
        Ok(act.commit(self.deadline()).await?)
    }

    /// Notes that figures of batches left the system.
    ///
    /// # Errors
    /// [`Trouble::Store`]: what can't be noted isn't given.
    pub async fn note_batches_export(
        &self,
        permit: &Permit<right::BatchesExport>,
        batches: usize,
    ) -> Result<(), Trouble> {
        let act = self.store.act(permit, self.now(), Class::Access, "batches.exported", "kind:batches".to_owned())?;
        Ok(act.changed("batches", None, Some(batches.to_string())).commit(self.deadline()).await?)
    }
}

pub(crate) fn unsuitable(field: &str) -> FieldProblem {
    FieldProblem::new(field, "unsuitable", "nobody who is active and may read batches")
}
