//! Making batches, with or without their first codes.

use crate::{
    Begun, Desk, Import, Keep, Trouble,
    batches::{field_problem, unsuitable},
    issuing::{Ground, asked},
    trouble::FieldProblem,
};
use domain::{
    access::Permit,
    audit::Class,
    batch::{Batch, BatchName, BatchState, NewBatch, batch_problems},
    id::UserId,
    identity::hex,
    job::{Job, Work},
    money::{Currency, Money},
    permission::{Permission, right},
    time::{self, DAY_MS},
};
use jiff::Timestamp;
use store::{StoreError, chance};

#[derive(Clone, Debug)]
pub struct BatchForm {
    pub name: BatchName,
    /// What one code pays, in whole units of the currency.
    pub amount: u64,
    pub currency: Currency,
    /// By the settings without it.
    pub expires_at: Option<Timestamp>,
    pub description: String,
    pub assigned_to: Option<UserId>,
}

/// What a new batch is filled with, and the right to do so.
pub enum Filling<'a> {
    Nothing,
    Generated(&'a Permit<right::PromoCodesGenerate>, u64),
    Imported(&'a Permit<right::PromoCodesImport>, Import),
}

/// What came of asking for a batch.
#[derive(Clone, Debug)]
pub struct Made {
    pub batch: Batch,
    /// That of its first codes.
    pub begun: Option<Begun>,
}

impl Desk {
    /// Makes a batch, and asks for its first codes where it is to have some. The name decides a race: one has it, the
    /// others are told so.
    ///
    /// # Errors
    /// [`Trouble::Invalid`] with every bad field; [`Trouble::State`] when the user has made as many as they may.
    pub async fn create_batch(
        &self,
        permit: &Permit<right::BatchesCreate>,
        form: BatchForm,
        filling: Filling<'_>,
        keep: Keep<'_, Made>,
    ) -> Result<Made, Trouble> {
        let actor = permit.actor();
        let id = hex(&chance::<12>()?);
        let ids = self.ids()?;
        let until = self.deadline();
        loop {
            let ground = self.ground(actor.user()).await?;
            let assigned_to = self.judged_batch(permit, &ground, &form, &filling).await?;
            let rules = &ground.settings.codes;
            let money = Money { amount: form.amount, currency: form.currency };
            let by_default = time::plus(ground.now, i64::from(rules.expiry_default_days) * DAY_MS);
            let expires_at = form.expires_at.unwrap_or(by_default);
            let number = ground.numbers.count + 1;
            let name = form.name.to_string();
            let mut batch = Batch::new(id.clone(), number, name, money, expires_at, ground.now);
            batch.description.clone_from(&form.description);
            batch.assigned_to = assigned_to;
            batch.created_by = Some(actor.user().clone());
            let (mut job, mut generation) = (None, None);
            match &filling {
                Filling::Nothing => {}
                Filling::Generated(_, codes) => {
                    let made = ground.generation(self, actor, &batch, *codes, &ids)?;
                    batch.state = BatchState::Generating;
                    batch.coming = *codes;
                    job = Some(made.job.clone());
                    generation = Some(made);
                }
                Filling::Imported(_, import) => {
                    batch.state = BatchState::Generating;
                    let work = import.work(&batch.id, &ids.run);
                    job = Some(Job::new(ids.job.clone(), work, actor.user().clone(), 0, ground.now));
                }
            }
            let mut act = self.store.act(permit, ground.now, Class::Change, "batch.created", format!("batch:{id}"))?;
            act = act.differences(&serde_json::Value::Null, &batch.audited()).batch(None, &batch)?;
            act = act.numbered(actor.user(), &ground.numbers, &ground.own)?;
            if let (Filling::Generated(by, _), Some(generation)) = (&filling, &generation) {
                act = generation.written(act, *by, &ground)?;
            }
            if let (Filling::Imported(by, _), Some(job)) = (&filling, &job) {
                act = asked(act, *by, job)?.job(None, job)?;
            }
            let change = generation.and_then(|generation| generation.change);
            let begun = job.map(|job| Begun { batch: None, job, change });
            let made = Made { batch, begun };
            match act.answered(keep.of(&made))?.commit(self.deadline()).await {
                Ok(()) => return Ok(made),
                Err(StoreError::Changed) => self.once_more(until)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Everything that is wrong with a new batch, at once; and whose it will be.
    async fn judged_batch(
        &self,
        permit: &Permit<right::BatchesCreate>,
        ground: &Ground,
        form: &BatchForm,
        filling: &Filling<'_>,
    ) -> Result<Option<UserId>, Trouble> {
        let actor = permit.actor();
        let codes = match filling {
            Filling::Generated(_, codes) => *codes,
            Filling::Nothing | Filling::Imported(_, _) => 0,
        };
        let new = NewBatch { codes, amount: form.amount, currency: form.currency, expires_at: form.expires_at };
        let wrong = batch_problems(&new, &ground.settings, self.currency, ground.now);
        let mut problems: Vec<FieldProblem> = wrong.into_iter().map(field_problem).collect();
        if self.store.batch_name_taken(&form.name, self.deadline()).await? {
            problems.push(FieldProblem::new("name", "taken", "another batch has this name"));
        }
        let mut assigned_to = form.assigned_to.clone();
        if let Some(user) = &assigned_to {
            if actor.assigned_only() && user != actor.user() {
                problems.push(FieldProblem::new("assigned_to", "not_yours", "you can make batches for yourself only"));
            } else if !self.may_have(permit, user, &ground.roles).await? {
                problems.push(unsuitable("assigned_to"));
            }
        } else if (ground.settings.codes.assign_to_creator || actor.assigned_only())
            && actor.permissions().contains(Permission::BatchesRead)
        {
            assigned_to = Some(actor.user().clone());
        }
        if !problems.is_empty() {
            return Err(Trouble::Invalid(problems));
        }
        let most = ground.settings.codes.batches_per_user;
        if most.is_some_and(|most| ground.own.count >= u64::from(most)) {
            return Err(Trouble::State(
                "too_many_batches",
                "you have made as many batches as the settings allow".to_owned(),
            ));
        }
        Ok(assigned_to)
    }
}

impl Import {
    pub(crate) fn work(&self, batch_id: &str, run_id: &str) -> Work {
        Work::Import {
            batch_id: batch_id.to_owned(),
            run_id: run_id.to_owned(),
            upload: self.upload.clone(),
            file_name: self.file_name.clone(),
            skip_bad: self.skip_bad,
            checked: None,
        }
    }
}
