//! Batches.

use super::{PAGE_DEFAULT, PAGE_MAX, kept, kept_empty};
use crate::{
    App,
    caller::Needs,
    fields::{CurrencyName, Fields, batch_id, drawn_id, user_or_me},
    views::{
        batches::{BatchAndJob, BatchFigures, BatchStateName, BatchView, PrintView, batch_tag},
        jobs::job_location,
    },
};
use axum::extract::State;
use domain::{
    batch::Batch,
    id::{UploadId, UserId},
    permission::right::{
        BatchesAssign, BatchesCreate, BatchesDelete, BatchesRead, BatchesStatusChange, BatchesUpdate, PromoCodesGenerate,
        PromoCodesImport,
    },
};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use staff::{BatchFilter, BatchForm, BatchUpdate, Filling, Import, Keep, Made, Trouble, Wish};
use web::{
    AcceptedAt, Api, Created, Done, IfMatch, IfNoneMatch, Json, Kept, Page, Path, Problem, Query, Tagged,
    openapi::answers, routing,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Newest,
    Oldest,
}

#[derive(Clone, Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchQuery {
    /// Without it archived and deleted ones are left out.
    #[serde(default)]
    #[garde(skip)]
    pub state: Option<BatchStateName>,
    /// A user's id, or `me`.
    #[serde(default)]
    #[garde(inner(custom(user_or_me)))]
    #[schemars(inner(regex(pattern = r"^(me|[0-9a-f]{32})$")))]
    pub assigned_to: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    pub created_from: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    pub created_to: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    pub expires_from: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    pub expires_to: Option<String>,
    /// In name or description.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 80))]
    pub text: Option<String>,
    /// By number.
    #[serde(default)]
    #[garde(skip)]
    pub sort: Option<Sort>,
    #[serde(default)]
    #[garde(range(min = 1, max = PAGE_MAX))]
    pub limit: Option<u32>,
    /// `next` of the page before, with the same filters.
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 2048))]
    pub cursor: Option<String>,
}

impl BatchQuery {
    /// What is wanted, newest first or not, and the words that a cursor is bound to.
    pub fn read(&self, caller: &UserId) -> Result<(BatchFilter, bool, String), Problem> {
        let mut fields = Fields::default();
        let mut at = |field: &str, text: &Option<String>| text.as_deref().and_then(|text| fields.time(field, text));
        let created = (at("created_from", &self.created_from), at("created_to", &self.created_to));
        let expires = (at("expires_from", &self.expires_from), at("expires_to", &self.expires_to));
        fields.finish()?;
        let assigned_to = match self.assigned_to.as_deref() {
            Some("me") => Some(caller.clone()),
            Some(id) => Some(UserId::parse(id).map_err(|_| Problem::internal())?),
            None => None,
        };
        let newest_first = self.sort.unwrap_or_default() == Sort::Newest;
        let state = self.state.map(Into::into);
        let bound = format!("{state:?}|{assigned_to:?}|{created:?}|{expires:?}|{:?}|{newest_first}", self.text);
        Ok((BatchFilter { state, assigned_to, created, expires, text: self.text.clone() }, newest_first, bound))
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
pub struct BatchPath {
    #[garde(custom(batch_id))]
    #[schemars(regex(pattern = r"^[0-9A-Za-z-]{1,64}$"))]
    pub id: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBatchForm {
    /// Letters A to Z, figures, - and _; a space becomes _, small letters large ones, and `BATCH_` is put in front.
    #[garde(length(chars, min = 1, max = 60))]
    name: String,
    /// Codes to make at once. More than none needs `promo-codes.generate`.
    #[serde(default)]
    #[garde(range(max = 100_000))]
    total_codes: u64,
    #[garde(dive)]
    #[serde(flatten)]
    #[schemars(flatten)]
    common: Terms,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratedBatchForm {
    /// Letters A to Z, figures, - and _; a space becomes _, small letters large ones, and `BATCH_` is put in front.
    #[garde(length(chars, min = 1, max = 60))]
    name: String,
    #[garde(range(min = 1, max = 100_000))]
    total_codes: u64,
}
