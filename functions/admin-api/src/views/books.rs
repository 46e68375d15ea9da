//! Comparisons and differences as the API shows them. Phones in them are masked.

use domain::{
    job::JobFile,
    payout::Outside,
    reconcile::{Finding, Here, Standing, Sum, TheirAmount, There, Verdict},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::ComparedBooks;

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutsideName {
    Queued,
    Processing,
    Completed,
    Failed,
    Held,
    AwaitingApproval,
    Cancelled,
}

impl From<OutsideName> for Outside {
    fn from(name: OutsideName) -> Self {
        match name {
            OutsideName::Queued => Self::Queued,
            OutsideName::Processing => Self::Processing,
            OutsideName::Completed => Self::Completed,
            OutsideName::Failed => Self::Failed,
            OutsideName::Held => Self::Held,
            OutsideName::AwaitingApproval => Self::AwaitingApproval,
            OutsideName::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandingOfDifference {
    Open,
    /// Somebody has said what it was; somebody else has to agree.
    Proposed,
    Closed,
}

impl StandingOfDifference {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proposed => "proposed",
            Self::Closed => "closed",
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictName {
    /// To the franc.
    Agrees,
    /// Nothing differs so far, and not everything is known.
    Incomplete,
    Differs,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct SumView {
    pub count: u64,
    /// In whole units of the currency.
    pub amount: u64,
}

impl From<Sum> for SumView {
    fn from(sum: Sum) -> Self {
        Self { count: sum.count, amount: sum.amount }
    }
}

/// A file, with a link where it is still there. The link ends after ten minutes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BooksFile {
    pub name: String,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
    pub url: Option<String>,
}

impl From<&JobFile> for BooksFile {
    fn from(file: &JobFile) -> Self {
        Self { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256.clone(), url: None }
    }
}

/// Our books of some days against MoMo's.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BooksView {
    pub from: String,
    pub to: String,
    /// `asked` for MoMo's own answers, `statement` for a file of its portal.
    pub source: String,
    pub made_at: String,
    pub job: Option<String>,
    pub verdict: VerdictName,
    /// What we call paid, and what MoMo says that it has paid.
    pub paid_here: SumView,
    pub paid_there: SumView,
    pub differences: u64,
    /// Neither agreed nor different yet.
    pub open: u64,
    pub files: Vec<BooksFile>,
}

impl From<&ComparedBooks> for BooksView {
    fn from(compared: &ComparedBooks) -> Self {
        Self {
            from: compared.from.to_string(),
            to: compared.to.to_string(),
            source: compared.source.clone(),
            made_at: compared.made_at.to_string(),
            job: compared.job.as_ref().map(ToString::to_string),
            verdict: match compared.verdict {
                Verdict::Agrees => VerdictName::Agrees,
                Verdict::Incomplete => VerdictName::Incomplete,
                Verdict::Differs => VerdictName::Differs,
            },
            paid_here: compared.totals.here.paid.into(),
            paid_there: compared.totals.there.successful.into(),
            differences: compared.differences,
            open: compared.open,
            files: compared.files.iter().map(BooksFile::from).collect(),
        }
    }
}

/// What one side says of a transfer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SideView {
    pub reference: Option<String>,
    /// The payout, as we know it or as MoMo repeats it.
    pub payout: Option<String>,
    /// In whole units of the currency, or as it was written where it is no whole number.
    pub amount: String,
    pub currency: String,
    /// Masked.
    pub payee: String,
    pub state: String,
}

impl From<&Here> for SideView {
    fn from(here: &Here) -> Self {
        Self {
            reference: Some(here.reference.clone()),
            payout: Some(here.payout.to_string()),
            amount: here.amount.to_string(),
            currency: here.currency.code().to_owned(),
            payee: here.payee.clone(),
            state: here.expected.name().to_owned(),
        }
    }
}

impl From<&There> for SideView {
    fn from(there: &There) -> Self {
        Self {
            reference: there.reference.clone(),
            payout: there.external_id.clone(),
            amount: match &there.amount {
                TheirAmount::Whole(amount) => amount.to_string(),
                TheirAmount::Unreadable(text) => text.clone(),
            },
            currency: there.currency.clone(),
            payee: there.payee.clone(),
            state: there.status.name().to_owned(),
        }
    }
}

/// One difference, and what people have said of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FindingView {
    pub day: String,
    pub id: String,
    pub kind: String,
    /// What differs.
    pub words: String,
    pub ours: Option<SideView>,
    pub theirs: Option<SideView>,
    pub found_at: String,
    pub standing: StandingOfDifference,
    pub note: Option<String>,
    pub proposed_by: Option<String>,
    pub closed_by: Option<String>,
    pub version: u64,
    /// Names this version; whoever closes or rejects sends it back as If-Match.
    pub etag: String,
}

pub fn finding_tag(finding: &Finding) -> String {
    web::etag("difference", &finding.id, finding.version)
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        let (standing, proposal, closed_by) = match &finding.standing {
            Standing::Open => (StandingOfDifference::Open, None, None),
            Standing::Proposed { proposal } => (StandingOfDifference::Proposed, Some(proposal), None),
            Standing::Closed { proposal, by, .. } => (StandingOfDifference::Closed, Some(proposal), Some(by)),
        };
        let difference = &finding.difference;
        Self {
            day: finding.day.to_string(),
            id: finding.id.clone(),
            kind: difference.kind.name().to_owned(),
            words: difference.words.clone(),
            ours: difference.ours.as_ref().map(SideView::from),
            theirs: difference.theirs.as_ref().map(SideView::from),
            found_at: finding.found_at.to_string(),
            standing,
            note: proposal.map(|proposal| proposal.note.as_str().to_owned()),
            proposed_by: proposal.map(|proposal| proposal.by.to_string()),
            closed_by: closed_by.map(ToString::to_string),
            version: finding.version,
            etag: finding_tag(finding),
        }
    }
}
