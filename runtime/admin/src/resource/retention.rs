//! How long a tenant's calls are kept, and who says so.

use parloir_tenancy::retention::{Clocks, Retention};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Source;

/// How long a tenant's calls are kept, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RetentionState {
    /// Where the tenant is described.
    pub source: Source,
    /// The longest that the installation keeps them.
    pub most: Retention,
    /// What the tenant itself says; what is left out is as the installation says.
    pub own: Retention,
    /// What holds: of both the shorter.
    pub kept: Clocks,
}

impl RetentionState {
    /// What holds where the installation and a tenant say this.
    pub fn of(source: Source, most: Retention, own: Retention) -> Self {
        Self { source, most, own, kept: most.shortened_by(&own) }
    }
}
