//! The tables: what kinds of things a tenant keeps.

/// A kind of thing a tenant keeps. Its byte is part of every address and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// The tenant itself: its name, its policies.
    Tenant = 1,
    /// Lines by number.
    Lines = 2,
    /// Agents and their versions.
    Agents = 3,
    /// Users, their roles and their credentials.
    Users = 4,
    /// What a line or an agent is configured with, secrets included.
    Settings = 5,
    /// What has been used of each quota.
    Usage = 6,
    /// Calls by identifier: the journal's index, which it can rebuild.
    Calls = 16,
    /// Calls by time, newest first: the journal's index, which it can rebuild.
    CallsByTime = 17,
    /// Calls whose end is not in the log yet.
    OpenCalls = 18,
    /// How far the journal's index has followed the log.
    Journal = 19,
    /// Reports by call.
    Reports = 20,
    /// Slots of the calendar by time: who has each.
    Slots = 32,
    /// Appointments by reference.
    Appointments = 33,
    /// Appointments by phone number.
    AppointmentsByPhone = 34,
    /// What agents remember, by keys of their own.
    Memory = 35,
    /// The tenant's documents and sounds, by name.
    Documents = 36,
}

impl Table {
    /// Every table there is.
    pub const ALL: [Self; 16] = [
        Self::Tenant,
        Self::Lines,
        Self::Agents,
        Self::Users,
        Self::Settings,
        Self::Usage,
        Self::Calls,
        Self::CallsByTime,
        Self::OpenCalls,
        Self::Journal,
        Self::Reports,
        Self::Slots,
        Self::Appointments,
        Self::AppointmentsByPhone,
        Self::Memory,
        Self::Documents,
    ];

    /// The byte that stands for it in addresses.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// The table of a byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.byte() == byte)
    }

    /// Whether it is the journal's index of calls, which the journal makes anew out of its own files.
    pub const fn is_index(self) -> bool {
        match self {
            Self::Calls | Self::CallsByTime | Self::OpenCalls | Self::Journal => true,
            Self::Tenant
            | Self::Lines
            | Self::Agents
            | Self::Users
            | Self::Settings
            | Self::Usage
            | Self::Reports
            | Self::Slots
            | Self::Appointments
            | Self::AppointmentsByPhone
            | Self::Memory
            | Self::Documents => false,
        }
    }

    /// Whether it is of what describes a tenant: who administers it, its lines, agents and settings. An erasure of what calls left
    /// spares it, and so its keys are hidden apart from those of other tables.
    pub const fn is_directory(self) -> bool {
        match self {
            Self::Tenant | Self::Lines | Self::Agents | Self::Users | Self::Settings | Self::Documents => {
                true
            }
            Self::Usage
            | Self::Calls
            | Self::CallsByTime
            | Self::OpenCalls
            | Self::Journal
            | Self::Reports
            | Self::Slots
            | Self::Appointments
            | Self::AppointmentsByPhone
            | Self::Memory => false,
        }
    }

    /// Whether its rows are what a tenant's agents keep, of which a tenant has a bound.
    pub const fn is_kept_by_agents(self) -> bool {
        match self {
            Self::Slots | Self::Appointments | Self::AppointmentsByPhone | Self::Memory => true,
            Self::Tenant
            | Self::Lines
            | Self::Agents
            | Self::Users
            | Self::Settings
            | Self::Usage
            | Self::Calls
            | Self::CallsByTime
            | Self::OpenCalls
            | Self::Journal
            | Self::Reports
            | Self::Documents => false,
        }
    }

    /// Whether its keys may name a person. Such keys rest as an HMAC under the tenant's key (the true
    /// key is inside the sealed value), so a scan does not return them in their own order.
    pub const fn keys_are_private(self) -> bool {
        match self {
            Self::Appointments | Self::AppointmentsByPhone | Self::Memory | Self::Users => true,
            Self::Tenant
            | Self::Lines
            | Self::Agents
            | Self::Settings
            | Self::Usage
            | Self::Calls
            | Self::CallsByTime
            | Self::OpenCalls
            | Self::Journal
            | Self::Reports
            | Self::Slots
            | Self::Documents => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_a_byte_of_its_own() {
        let mut bytes = Table::ALL.map(Table::byte).to_vec();
        bytes.dedup();
        assert_eq!(bytes.len(), Table::ALL.len());
        assert!(bytes.is_sorted());
    }
}
