//! What the routes of batches read.

use super::PAGE_MAX;
use crate::{
    fields::{CurrencyName, Fields, a_batch, drawn_id, user_or_me},
    views::batches::BatchStateName,
};
use domain::id::{UploadId, UserId};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use staff::{BatchFilter, BatchForm, Import, Wish};
use web::Problem;

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
    #[garde(custom(a_batch))]
    #[schemars(regex(pattern = r"^[0-9A-Za-z-]{1,64}$"))]
    pub id: String,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBatchForm {
    /// Letters A to Z, figures, - and _. Small letters become large ones, a space _, and `BATCH_` is put in front.
    #[garde(length(chars, min = 1, max = 60))]
    pub name: String,
    /// Codes to make at once. More than none needs `promo-codes.generate`.
    #[serde(default)]
    #[garde(range(max = 100_000))]
    pub total_codes: u64,
    /// What one code pays: a whole number.
    #[garde(range(min = 1, max = 10_000_000))]
    pub amount: u64,
    #[serde(default)]
    #[garde(skip)]
    pub currency: CurrencyName,
    /// RFC 3339 with an offset; by the settings without it.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    #[serde(default)]
    #[garde(length(chars, max = 500))]
    pub description: String,
    /// A user who is active and may read batches.
    #[serde(default)]
    #[garde(inner(custom(drawn_id)))]
    #[schemars(inner(regex(pattern = r"^[0-9a-f]{32}$")))]
    pub assigned_to: Option<String>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedBatchForm {
    /// Letters A to Z, figures, - and _. Small letters become large ones, a space _, and `BATCH_` is put in front.
    #[garde(length(chars, min = 1, max = 60))]
    pub name: String,
    /// What one code pays: a whole number.
    #[garde(range(min = 1, max = 10_000_000))]
    pub amount: u64,
    #[serde(default)]
    #[garde(skip)]
    pub currency: CurrencyName,
    /// RFC 3339 with an offset; by the settings without it.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    #[serde(default)]
    #[garde(length(chars, max = 500))]
    pub description: String,
    /// A user who is active and may read batches.
    #[serde(default)]
    #[garde(inner(custom(drawn_id)))]
    #[schemars(inner(regex(pattern = r"^[0-9a-f]{32}$")))]
    pub assigned_to: Option<String>,
    /// Of a file that was put to the link of an upload.
    #[garde(custom(drawn_id))]
    #[schemars(regex(pattern = r"^[0-9a-f]{32}$"))]
    pub upload: String,
    /// What its owner calls it.
    #[serde(default)]
    #[garde(length(chars, max = 120))]
    pub file_name: String,
    /// Import the good lines though others are bad.
    #[serde(default)]
    #[garde(skip)]
    pub skip_bad: bool,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchUpdateForm {
    #[serde(default)]
    #[garde(length(chars, min = 1, max = 60))]
    pub name: Option<String>,
    #[serde(default)]
    #[garde(length(chars, max = 500))]
    pub description: Option<String>,
    /// RFC 3339 with an offset. It reaches every code that nobody has claimed.
    #[serde(default)]
    #[garde(length(chars, min = 10, max = 40))]
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
    /// Only while the batch has no code.
    #[serde(default)]
    #[garde(range(min = 1, max = 10_000_000))]
    pub amount: Option<u64>,
    /// Only while the batch has no code.
    #[serde(default)]
    #[garde(skip)]
    pub currency: Option<CurrencyName>,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignForm {
    /// A user who is active and may read batches; null takes the batch from whoever has it.
    #[serde(deserialize_with = "Option::deserialize")]
    #[garde(inner(custom(drawn_id)))]
    #[schemars(inner(regex(pattern = r"^[0-9a-f]{32}$")))]
    pub user: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WishName {
    Active,
    Blocked,
    Expired,
    Archived,
    /// Out of the archive, as what it was.
    Unarchived,
}

impl From<WishName> for Wish {
    fn from(name: WishName) -> Self {
        match name {
            WishName::Active => Self::Activate,
            WishName::Blocked => Self::Block,
            WishName::Expired => Self::Expire,
            WishName::Archived => Self::Archive,
            WishName::Unarchived => Self::Unarchive,
        }
    }
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusForm {
    #[garde(skip)]
    pub state: WishName,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkActName {
    Block,
    Unblock,
    Archive,
    Unarchive,
    Delete,
}

#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkForm {
    #[garde(length(min = 1, max = 100), inner(custom(a_batch)))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Za-z-]{1,64}$")))]
    pub ids: Vec<String>,
    /// Deleting needs `batches.delete` as well.
    #[garde(skip)]
    pub action: BulkActName,
}

pub fn form_of(
    name: &str,
    (amount, currency): (u64, CurrencyName),
    expires_at: Option<&str>,
    description: &str,
    assigned_to: Option<&str>,
) -> Result<BatchForm, Problem> {
    let mut fields = Fields::default();
    let name = fields.batch_name("name", name);
    let expires_at = expires_at.and_then(|text| fields.time("expires_at", text));
    let description = fields.note("description", description);
    let assigned_to = assigned_to.and_then(|id| fields.user("assigned_to", id));
    fields.finish()?;
    let name = name.ok_or_else(Problem::internal)?;
    Ok(BatchForm { name, amount, currency: currency.into(), expires_at, description, assigned_to })
}

impl NewBatchForm {
    pub fn read(&self) -> Result<BatchForm, Problem> {
        let money = (self.amount, self.currency);
        form_of(&self.name, money, self.expires_at.as_deref(), &self.description, self.assigned_to.as_deref())
    }
}

/// Where an upload of the caller's lies, and what is to be done with it. Nobody can name somebody else's.
pub fn import(user: &UserId, upload: &str, file_name: &str, skip_bad: bool) -> Result<Import, Problem> {
    let mut fields = Fields::default();
    let file_name = fields.note("file_name", file_name);
    fields.finish()?;
    let upload = UploadId::parse(upload).map_err(|_| Problem::internal())?;
    Ok(Import { upload: files::upload_key(user, &upload), file_name, skip_bad })
}
