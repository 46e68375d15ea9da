//! What staff may do: one key for each act, sets of keys, and a type for each key.
//!
//! The keys are the customer's (sections 1.2 of both documents) and five of ours where a use case needs one.
//! `tests/permissions.txt` lists them, and a test compares.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A permission as a type: what demands a permit for [`right::UsersRead`] can't be given one for another right.
pub trait Right: Send + Sync + 'static {
    const PERMISSION: Permission;
}

/// The one table. Its order is that of the keys, so that a set lists itself sorted.
macro_rules! permissions {
    ($($variant:ident, $key:literal, $description:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Permission {
            $(#[doc = concat!("`", $key, "`: ", $description, ".")] $variant,)*
        }

        impl Permission {
            /// In the order of their keys.
            pub const ALL: [Self; 84] = [$(Self::$variant,)*];

            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$variant => $key,)*
                }
            }

            /// For the person who gives it to somebody.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)*
                }
            }

            pub fn parse(key: &str) -> Option<Self> {
                match key {
                    $($key => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        /// A type for each permission, of the same name.
        pub mod right {
            use super::{Permission, Right};
            $(
                #[doc = concat!("`", $key, "`")]
                #[derive(Clone, Copy, Debug)]
                pub struct $variant;

                impl Right for $variant {
                    const PERMISSION: Permission = Permission::$variant;
                }
            )*
        }
    };
}

permissions! {
    AlertsAcknowledge, "alerts.acknowledge", "Acknowledge and resolve alerts";
    AlertsConfigure, "alerts.configure", "Configure alert delivery channels";
    AlertsCreate, "alerts.create", "Create custom alert rules";
    AlertsDelete, "alerts.delete", "Remove alert rules";
    AlertsEscalate, "alerts.escalate", "Escalate critical alerts";
    AlertsExport, "alerts.export", "Export alert history and reports";
    AlertsRead, "alerts.read", "View system alerts and notifications";
    AlertsUpdate, "alerts.update", "Modify alert configurations and thresholds";
    AnalyticsDashboard, "analytics.dashboard", "Access analytics dashboard";
    AnalyticsHistorical, "analytics.historical", "Access historical data analysis";
    AnalyticsRealTime, "analytics.real-time", "View real-time analytics";
    AuditLogsConfigure, "audit.logs.configure", "Configure audit logging settings and retention policies";
    AuditLogsExport, "audit.logs.export", "Export audit trail data";
    AuditLogsRead, "audit.logs.read", "View audit logs";
    BatchesAssign, "batches.assign", "Assign batches to specific users";
    BatchesCreate, "batches.create", "Create new promotional batches";
    BatchesDelete, "batches.delete", "Remove batches (with restrictions)";
    BatchesExport, "batches.export", "Export batch data and reports";
    BatchesRead, "batches.read", "View batch information and statistics";
    BatchesStatusChange, "batches.status.change", "Change batch status (active/expired/blocked)";
    BatchesUpdate, "batches.update", "Modify batch settings and parameters";
    CustomersErase, "customers.erase", "Erase the personal data of customers";
    CustomersRead, "customers.read", "View customer profiles and information";
    CustomersSearch, "customers.search", "Search for customers";
    DisbursementsApprove, "disbursements.approve", "Approve manual disbursements";
    DisbursementsCancel, "disbursements.cancel", "Cancel disbursements that were never sent";
    DisbursementsConfigure, "disbursements.configure", "Configure disbursement settings and retry policies";
    DisbursementsExport, "disbursements.export", "Export financial reports";
    DisbursementsHold, "disbursements.hold", "Hold disbursements back and release them";
    DisbursementsMonitor, "disbursements.monitor", "Monitor payment processing status";
    DisbursementsRead, "disbursements.read", "View disbursement records";
    DisbursementsReconcile, "disbursements.reconcile", "Reconcile with MTN MoMo records";
    DisbursementsRetry, "disbursements.retry", "Retry failed disbursements";
    FinancialAlertsView, "financial.alerts.view", "View financial threshold alerts";
    FraudAlertsManage, "fraud.alerts.manage", "Manage fraud detection rules";
    FraudAlertsView, "fraud.alerts.view", "View fraud detection alerts";
    PayoutsStop, "payouts.stop", "Stop and start all payouts";
    PromoCodesBulkOperations, "promo-codes.bulk.operations", "Perform bulk operations on codes";
    PromoCodesDownload, "promo-codes.download", "Download codes in PDF/CSV format";
    PromoCodesFraudReport, "promo-codes.fraud.report", "Report a suspicious code redemption, which changes the code from redeemed to reported";
    PromoCodesGenerate, "promo-codes.generate", "Generate new promo codes";
    PromoCodesImport, "promo-codes.import", "Import codes from CSV files";
    PromoCodesRead, "promo-codes.read", "View promo code information";
    PromoCodesSearch, "promo-codes.search", "Search if codes exist only";
    PromoCodesStatusChange, "promo-codes.status.change", "Change individual code status";
    PromoCodesValidate, "promo-codes.validate", "Validate code format and uniqueness";
    RedemptionsAudit, "redemptions.audit", "Access redemption audit logs";
    RedemptionsCreateManual, "redemptions.create.manual", "Create redemption transactions";
    RedemptionsExport, "redemptions.export", "Export redemption data";
    RedemptionsFraudReport, "redemptions.fraud.report", "Report suspicious redemption activities";
    RedemptionsMonitor, "redemptions.monitor", "Monitor real-time redemption activity";
    RedemptionsRead, "redemptions.read", "View redemption transactions";
    RedemptionsReverse, "redemptions.reverse", "Reverse redemptions while no money has left";
    RedemptionsSearch, "redemptions.search", "Search and filter redemption records";
    ReportsCreate, "reports.create", "Create custom reports";
    ReportsExport, "reports.export", "Export reports in various formats";
    ReportsRead, "reports.read", "Access standard reports";
    SecurityAlertsView, "security.alerts.view", "View security alerts";
    SecurityComplianceReport, "security.compliance.report", "Generate compliance reports";
    SecurityFraudDetect, "security.fraud.detect", "Access fraud detection tools";
    SecurityIncidentsManage, "security.incidents.manage", "Manage security incidents";
    SystemAlertsView, "system.alerts.view", "View system health alerts";
    SystemBackupManage, "system.backup.manage", "Manage system backups";
    SystemBrandingCustomize, "system.branding.customize", "Customize system appearance";
    SystemIntegrationsManage, "system.integrations.manage", "Manage API integrations";
    SystemMonitoring, "system.monitoring", "Monitor system performance and concurrency control";
    SystemNotificationsSetup, "system.notifications.setup", "Setup alert notifications";
    SystemRateLimitsConfigure, "system.rate-limits.configure", "Configure rate limiting rules";
    SystemSettingsBackup, "system.settings.backup", "Backup configuration settings";
    SystemSettingsExport, "system.settings.export", "Export configuration settings";
    SystemSettingsImport, "system.settings.import", "Import configuration settings";
    SystemSettingsRead, "system.settings.read", "View system configuration";
    SystemSettingsRestore, "system.settings.restore", "Restore configuration settings";
    SystemSettingsUpdate, "system.settings.update", "Modify system settings";
    SystemWorkflowsManage, "system.workflows.manage", "Manage custom workflows";
    UsersCreate, "users.create", "Create new user accounts";
    UsersDelete, "users.delete", "Remove user accounts";
    UsersPermissionsManage, "users.permissions.manage", "Manage user-specific permissions";
    UsersRead, "users.read", "View user profiles and information";
    UsersRegistrationApprove, "users.registration.approve", "Approve pending registrations";
    UsersRegistrationManage, "users.registration.manage", "Manage registration settings";
    UsersRolesAssign, "users.roles.assign", "Assign roles to users";
    UsersRolesRevoke, "users.roles.revoke", "Remove roles from users";
    UsersUpdate, "users.update", "Modify user information and settings";
}

impl Permission {
    /// Whoever holds it signs in with a second factor (ACC-05).
    pub fn demands_mfa(self) -> bool {
        ["users.", "system.", "disbursements."].iter().any(|area| self.key().starts_with(area))
    }

    const fn bit(self) -> u128 {
        1 << self as u32
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A key that is in no table. Shows at most 64 of its characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no permission {0:?}")]
pub struct UnknownPermission(String);

impl TryFrom<String> for Permission {
    type Error = UnknownPermission;
    fn try_from(key: String) -> Result<Self, UnknownPermission> {
        Self::parse(&key).ok_or_else(|| UnknownPermission(key.chars().take(64).collect()))
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.key().to_owned()
    }
}

/// A set of permissions. Written as the sorted list of keys, never as bits, so that the table may grow.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Permission>", into = "Vec<Permission>")]
pub struct Permissions(u128);

impl Permissions {
    pub const fn all() -> Self {
        Self::of(&Permission::ALL)
    }

    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        // Iterators don't run in a constant.
        while at < permissions.len() {
            bits |= permissions[at].bit();
            at += 1;
        }
        Self(bits)
    }

    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    pub const fn insert(&mut self, permission: Permission) {
        self.0 |= permission.bit();
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn is_subset_of(self, other: Self) -> bool {
        self.without(other).is_empty()
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// In the order of the keys.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let mut set = Self::default();
        for permission in permissions {
            set.insert(permission);
        }
        set
    }
}

impl From<Vec<Permission>> for Permissions {
    fn from(permissions: Vec<Permission>) -> Self {
        Self::of(&permissions)
    }
}

impl From<Permissions> for Vec<Permission> {
    fn from(set: Permissions) -> Self {
        set.iter().collect()
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Permission::key)).finish()
    }
}
