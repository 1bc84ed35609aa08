//! Owners' keys that lapse. Nobody but an owner makes an owner's next key, so that whoever runs the installation is told before.

use jiff::Timestamp;
use parloir_contract::TenantId;
use parloir_store::{StoreError, Table};

use super::{Directory, DirectoryError, KEYS, USERS, days, rows};
use crate::resource::{KeptKey, Key, LOG_IN, User};
use crate::role::{Action, Role};

/// So many days before the last key of owners lapses, it is told.
pub const TOLD_BEFORE_DAYS: i64 = 30;

/// A tenant, or the installation, whose owners have no key for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    /// Whose owners.
    pub realm: TenantId,
    /// When the last of their keys lapses: past where it has; now where there is none.
    pub at: Timestamp,
}

/// When the last key by which an owner makes keys lapses, where that is soon. Where people log in, an owner who does needs none.
fn lapse(owners: &[(String, User)], keys: &[Key], log_in: bool, now: Timestamp) -> Option<Timestamp> {
    if owners.is_empty() || (log_in && owners.iter().any(|(_, user)| user.oidc.is_some())) {
        return None;
    }
    let makes_keys = |key: &Key| key.scopes.as_ref().is_none_or(|scopes| scopes.contains(&Action::WriteKeys));
    let is_owners = |key: &Key| owners.iter().any(|(id, _)| *id == key.user);
    let able = keys.iter().filter(|&key| key.name != LOG_IN && makes_keys(key) && is_owners(key));
    let last = able.map(|key| key.expires).max().unwrap_or(now);
    let told = now.checked_add(days(TOLD_BEFORE_DAYS)).unwrap_or(Timestamp::MAX);
    (last <= told).then_some(last)
}

impl Directory {
    /// The tenants, and the installation, whose owners have no key for long. `log_in` says whether people log in.
    ///
    /// # Errors
    /// Where users and keys cannot be read.
    pub async fn lapsing(&self, log_in: bool) -> Result<Vec<Lapse>, DirectoryError> {
        let mut realms = vec![self.installation().tenant().clone()];
        realms.extend(self.tenants().await?);
        for declared in self.premises().declared() {
            // To open its storage makes its keys.
            if !realms.contains(&declared.id)
                && self.rooms.kms.knows(&declared.id).await.map_err(StoreError::from)?
            {
                realms.push(declared.id.clone());
            }
        }
        let (mut lapsing, now) = (Vec::new(), Timestamp::now());
        for realm in realms {
            let store = self.store(&realm).await?;
            let users = rows::all::<User>(&store, Table::Users, USERS).await?;
            let owners = users.into_iter().map(|(id, kept)| (id, kept.row.is));
            let owners: Vec<_> = owners.filter(|(_, user)| user.role == Role::Owner).collect();
            let keys = rows::all::<KeptKey>(&store, Table::Users, KEYS).await?;
            let keys: Vec<Key> = keys.into_iter().map(|(_, kept)| kept.row.is.key).collect();
            if let Some(at) = lapse(&owners, &keys, log_in, now) {
                lapsing.push(Lapse { realm, at });
            }
        }
        Ok(lapsing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Identity;

    #[test]
    fn it_is_told_where_no_owner_has_a_key_that_lasts() {
        let now: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let after = |days_left: i64| now.checked_add(days(days_left)).unwrap();
        let owner = ("1".to_owned(), User::of("Anne Durand", Role::Owner));
        let key = |user: &str, name: &str, days_left: i64| Key {
            user: user.to_owned(),
            name: name.to_owned(),
            scopes: None,
            expires: after(days_left),
        };
        let one = [owner.clone()];
        let said = |keys: &[Key]| lapse(&one, keys, false, now);
        assert_eq!(said(&[key("1", "first key", 31)]), None);
        assert_eq!(said(&[key("1", "first key", 30)]), Some(after(30)));
        assert_eq!(said(&[key("1", "first key", 3), key("1", "next", 300)]), None);
        assert_eq!(said(&[key("1", "first key", -3)]), Some(after(-3)));
        // Another's, a log-in's, and one for reading make no owner's key.
        let reading = Key { scopes: Some(vec![Action::ReadLines]), ..key("1", "reads", 300) };
        assert_eq!(said(&[key("2", "admin's", 300), key("1", LOG_IN, 300), reading]), Some(now));
        assert_eq!(lapse(&[], &[], false, now), None, "nobody owns it");
        let known = User { oidc: Some(Identity::Subject("17".into())), ..owner.1 };
        let known = [("1".to_owned(), known)];
        assert_eq!(lapse(&known, &[], true, now), None, "who logs in makes the next");
        assert_eq!(lapse(&known, &[], false, now), Some(now), "where nobody logs in");
    }
}
