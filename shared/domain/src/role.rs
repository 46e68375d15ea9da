//! Roles: named sets of permissions. Ten are predefined and stand in the code; staff may add their own.
//!
//! `tests/roles.txt` lists what the predefined ones hold, and a test compares.

use crate::permission::{Permission, Permissions};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What names a role in rows and paths: 1 to 64 lower-case letters, digits and dashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleId(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role's id has 1 to 64 lower-case letters, digits and dashes")]
pub struct BadRoleId;

impl RoleId {
    /// # Errors
    /// [`BadRoleId`] unless it has that shape.
    pub fn parse(text: &str) -> Result<Self, BadRoleId> {
        let shaped =
            matches!(text.len(), 1..=64) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if shaped { Ok(Self(text.to_owned())) } else { Err(BadRoleId) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RoleId {
    type Error = BadRoleId;
    fn try_from(text: String) -> Result<Self, BadRoleId> {
        Self::parse(&text)
    }
}

impl From<RoleId> for String {
    fn from(id: RoleId) -> Self {
        id.0
    }
}

impl fmt::Display for RoleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ladder of who may manage whom (ACC-11). It goes by the role and not by its keys: an Administrator holds
/// the keys of a Super Administrator and is below one all the same, and a custom role is always staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    Staff,
    Administrator,
    SuperAdministrator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predefined {
    SuperAdministrator,
    Administrator,
    CampaignManager,
    BatchManager,
    FinancialAdministrator,
    SupportAgent,
    Viewer,
    SystemAdministrator,
    ConfigurationManager,
    AuditViewer,
}

impl Predefined {
    pub const ALL: [Self; 10] = [
        Self::SuperAdministrator,
        Self::Administrator,
        Self::CampaignManager,
        Self::BatchManager,
        Self::FinancialAdministrator,
        Self::SupportAgent,
        Self::Viewer,
        Self::SystemAdministrator,
        Self::ConfigurationManager,
        Self::AuditViewer,
    ];

    pub fn of(id: &RoleId) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.slug() == id.as_str())
    }

    pub fn id(self) -> RoleId {
        RoleId(self.slug().to_owned())
    }

    const fn slug(self) -> &'static str {
        match self {
            Self::SuperAdministrator => "super-administrator",
            Self::Administrator => "administrator",
            Self::CampaignManager => "campaign-manager",
            Self::BatchManager => "batch-manager",
            Self::FinancialAdministrator => "financial-administrator",
            Self::SupportAgent => "support-agent",
            Self::Viewer => "viewer",
            Self::SystemAdministrator => "system-administrator",
            Self::ConfigurationManager => "configuration-manager",
            Self::AuditViewer => "audit-viewer",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::SuperAdministrator => "Super Administrator",
            Self::Administrator => "Administrator",
            Self::CampaignManager => "Campaign Manager",
            Self::BatchManager => "Batch Manager",
            Self::FinancialAdministrator => "Financial Administrator",
            Self::SupportAgent => "Support Agent",
            Self::Viewer => "Viewer",
            Self::SystemAdministrator => "System Administrator",
            Self::ConfigurationManager => "Configuration Manager",
            Self::AuditViewer => "Audit Viewer",
        }
    }

    pub const fn description(self) -> &'static str {
        match self {
            Self::SuperAdministrator => "Full system access with all permissions; manages all users and roles",
            Self::Administrator => "Full system access with all permissions; manages users with roles below its own",
            Self::CampaignManager => "Creates and manages batches and promo codes, and follows their redemption",
            Self::BatchManager => "Checks codes at the counter, redeems them and reports fraud",
            Self::FinancialAdministrator => "Manages payment processing and financial reconciliation",
            Self::SupportAgent => "Limited access for customer support operations",
            Self::Viewer => "Read-only access for stakeholders and monitoring",
            Self::SystemAdministrator => "Most configuration settings, except integrations and payments",
            Self::ConfigurationManager => "Limited access to settings that are not security related",
            Self::AuditViewer => "Read-only access to configuration and audit logs",
        }
    }

    pub const fn permissions(self) -> Permissions {
        use Permission as P;
        match self {
            Self::SuperAdministrator | Self::Administrator => Permissions::all(),
            Self::CampaignManager => Permissions::of(&[
                P::AlertsRead,
                P::AnalyticsDashboard,
                P::BatchesAssign,
                P::BatchesCreate,
                P::BatchesDelete,
                P::BatchesExport,
                P::BatchesRead,
                P::BatchesStatusChange,
                P::BatchesUpdate,
                P::FraudAlertsView,
                P::PromoCodesBulkOperations,
                P::PromoCodesDownload,
                P::PromoCodesGenerate,
                P::PromoCodesImport,
                P::PromoCodesRead,
                P::PromoCodesSearch,
                P::PromoCodesStatusChange,
                P::PromoCodesValidate,
                P::RedemptionsMonitor,
                P::RedemptionsRead,
                P::RedemptionsSearch,
                P::ReportsRead,
            ]),
            Self::BatchManager => {
                Permissions::of(&[P::PromoCodesFraudReport, P::PromoCodesSearch, P::RedemptionsCreateManual])
            }
            Self::FinancialAdministrator => Permissions::of(&[
                P::AlertsAcknowledge,
                P::AlertsRead,
                P::AuditLogsRead,
                P::DisbursementsApprove,
                P::DisbursementsCancel,
                P::DisbursementsConfigure,
                P::DisbursementsExport,
                P::DisbursementsHold,
                P::DisbursementsMonitor,
                P::DisbursementsRead,
                P::DisbursementsReconcile,
                P::DisbursementsRetry,
                P::FinancialAlertsView,
                P::PayoutsStop,
                P::RedemptionsRead,
                P::RedemptionsReverse,
                P::ReportsRead,
            ]),
            Self::SupportAgent => Permissions::of(&[
                P::AlertsRead,
                P::CustomersRead,
                P::CustomersSearch,
                P::PromoCodesRead,
                P::RedemptionsRead,
                P::RedemptionsSearch,
                P::SystemAlertsView,
                P::UsersRead,
            ]),
            Self::Viewer => {
                Permissions::of(&[P::AlertsRead, P::BatchesRead, P::PromoCodesRead, P::RedemptionsRead, P::ReportsRead])
            }
            Self::SystemAdministrator => Permissions::of(&[
                P::PayoutsStop,
                P::SystemAlertsView,
                P::SystemBackupManage,
                P::SystemBrandingCustomize,
                P::SystemMonitoring,
                P::SystemNotificationsSetup,
                P::SystemRateLimitsConfigure,
                P::SystemSettingsBackup,
                P::SystemSettingsExport,
                P::SystemSettingsImport,
                P::SystemSettingsRead,
                P::SystemSettingsRestore,
                P::SystemSettingsUpdate,
                P::SystemWorkflowsManage,
            ]),
            Self::ConfigurationManager => Permissions::of(&[
                P::SystemBrandingCustomize,
                P::SystemNotificationsSetup,
                P::SystemSettingsRead,
                P::SystemSettingsUpdate,
            ]),
            Self::AuditViewer => Permissions::of(&[P::AuditLogsRead, P::SystemSettingsRead]),
        }
    }

    pub const fn rank(self) -> Rank {
        match self {
            Self::SuperAdministrator => Rank::SuperAdministrator,
            Self::Administrator => Rank::Administrator,
            Self::CampaignManager
            | Self::BatchManager
            | Self::FinancialAdministrator
            | Self::SupportAgent
            | Self::Viewer
            | Self::SystemAdministrator
            | Self::ConfigurationManager
            | Self::AuditViewer => Rank::Staff,
        }
    }

    pub fn role(self) -> Role {
        Role {
            id: self.id(),
            name: self.name().to_owned(),
            description: self.description().to_owned(),
            permissions: self.permissions(),
            predefined: true,
            assigned_only: false,
            version: 1,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub id: RoleId,
    /// 1 to 60 characters, unique regardless of case.
    pub name: String,
    /// At most 200 characters.
    pub description: String,
    pub permissions: Permissions,
    pub predefined: bool,
    /// Its holder sees only the batches assigned to him (BAT-08).
    pub assigned_only: bool,
    /// Counts the changes of this role, from 1.
    pub version: u64,
}

/// Why a change of the catalogue is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleProblem {
    #[error("a role's name has 1 to {MAX_NAME} characters")]
    NameLength,
    #[error("a role's name is one line that neither begins nor ends with a space")]
    NameShape,
    #[error("there is a role of this name")]
    NameTaken,
    #[error("a role's description has at most {MAX_DESCRIPTION} characters")]
    DescriptionLength,
    #[error("a predefined role can't be changed or removed")]
    Predefined,
    #[error("there is a role with this id")]
    IdTaken,
    #[error("there is no such role")]
    Unknown,
    #[error("somebody else has changed the role")]
    Changed,
    #[error("there are {MAX_CUSTOM} roles beside the predefined ones, which is the most")]
    Full,
}

pub const MAX_NAME: usize = 60;
pub const MAX_DESCRIPTION: usize = 200;
/// With the longest names and every key in each, this many still fit into one row of 400 KB.
pub const MAX_CUSTOM: usize = 100;

/// The catalogue: the predefined roles, and the custom ones that are stored in one row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    custom: Vec<Role>,
    /// Of the row: counts the changes of the catalogue, 0 while there was none.
    version: u64,
}

impl Roles {
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn get(&self, id: &RoleId) -> Option<Role> {
        Predefined::of(id).map(Predefined::role).or_else(|| self.custom_role(id).cloned())
    }

    /// The predefined ones, then the custom ones, oldest first.
    pub fn list(&self) -> Vec<Role> {
        Predefined::ALL.into_iter().map(Predefined::role).chain(self.custom.iter().cloned()).collect()
    }

    /// What these roles hold together. An id that is in no catalogue gives nothing.
    pub fn permissions_of(&self, ids: &[RoleId]) -> Permissions {
        ids.iter().fold(Permissions::default(), |held, id| {
            let more = Predefined::of(id)
                .map(Predefined::permissions)
                .or_else(|| self.custom_role(id).map(|role| role.permissions));
            held.union(more.unwrap_or_default())
        })
    }

    /// The highest rank among these roles.
    pub fn rank_of(&self, ids: &[RoleId]) -> Rank {
        ids.iter().filter_map(Predefined::of).map(Predefined::rank).max().unwrap_or(Rank::Staff)
    }

    /// Everything that is wrong with the words of a role, so that a form can show all of it.
    pub fn problems_of(&self, id: &RoleId, name: &str, description: &str) -> Vec<RoleProblem> {
        let mut found = Vec::new();
        if !(1..=MAX_NAME).contains(&name.chars().count()) {
            found.push(RoleProblem::NameLength);
        }
        if name.trim() != name || name.chars().any(char::is_control) {
            found.push(RoleProblem::NameShape);
        }
        if self.is_taken(id, name) {
            found.push(RoleProblem::NameTaken);
        }
        if description.chars().count() > MAX_DESCRIPTION {
            found.push(RoleProblem::DescriptionLength);
        }
        found
    }

    /// The catalogue after a custom role was added or changed, one version further, and so is the role.
    ///
    /// `role.version` is the version that was read, 0 for a new role: so a new role never replaces another.
    ///
    /// # Errors
    /// The first [`RoleProblem`].
    pub fn with(&self, role: Role) -> Result<Self, RoleProblem> {
        if role.predefined || Predefined::of(&role.id).is_some() {
            return Err(RoleProblem::Predefined);
        }
        if let Some(problem) = self.problems_of(&role.id, &role.name, &role.description).first() {
            return Err(*problem);
        }
        let mut after = self.clone();
        let full = self.custom.len() >= MAX_CUSTOM;
        match after.custom.iter_mut().find(|stored| stored.id == role.id) {
            Some(_) if role.version == 0 => return Err(RoleProblem::IdTaken),
            Some(stored) if stored.version != role.version => return Err(RoleProblem::Changed),
            Some(stored) => *stored = Role { version: stored.version + 1, ..role },
            None if role.version != 0 => return Err(RoleProblem::Unknown),
            None if full => return Err(RoleProblem::Full),
            None => after.custom.push(Role { version: 1, ..role }),
        }
        after.version += 1;
        Ok(after)
    }

    /// The catalogue after a custom role was removed, one version further. Who still has its id holds nothing by
    /// it, until somebody makes a role with that id again: an id should be used only once.
    ///
    /// # Errors
    /// [`RoleProblem::Predefined`] or [`RoleProblem::Unknown`].
    pub fn without(&self, id: &RoleId) -> Result<Self, RoleProblem> {
        if Predefined::of(id).is_some() {
            return Err(RoleProblem::Predefined);
        }
        self.custom_role(id).ok_or(RoleProblem::Unknown)?;
        let custom = self.custom.iter().filter(|role| role.id != *id).cloned().collect();
        Ok(Self { custom, version: self.version + 1 })
    }

    fn custom_role(&self, id: &RoleId) -> Option<&Role> {
        self.custom.iter().find(|role| role.id == *id)
    }

    /// Whether another role has this name.
    fn is_taken(&self, id: &RoleId, name: &str) -> bool {
        let name = name.to_lowercase();
        Predefined::ALL.into_iter().any(|role| role.name().to_lowercase() == name && role.slug() != id.as_str())
            || self.custom.iter().any(|role| role.name.to_lowercase() == name && role.id != *id)
    }
}
