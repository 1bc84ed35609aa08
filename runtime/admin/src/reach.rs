//! Which of a tenant's calls somebody sees. The matrix says who may read calls at all; of whom it says that they see their own
//! only, this says which those are.

use parloir_contract::LineId;

use crate::resource::Contact;
use crate::role::Role;

/// Calls that somebody may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of the tenant's.
    All,
    /// Those whose caller was handed to one of these numbers.
    HandedTo(Vec<LineId>),
}

impl Reach {
    /// How far somebody's reach is, by their role and by whom a tenant's contacts name.
    pub(crate) fn of(role: Role, user: &str, contacts: &[(LineId, Contact)]) -> Self {
        match role {
            Role::Agent => {
                let theirs =
                    contacts.iter().filter(|(_, contact)| contact.users.iter().any(|one| one == user));
                Self::HandedTo(theirs.map(|(number, _)| number.clone()).collect())
            }
            // Whether they read calls at all is the matrix's to say.
            Role::Supervisor | Role::Admin | Role::Owner | Role::Operator => Self::All,
        }
    }

    /// Whether a call is in it, of which it is known whom its caller was handed to.
    pub(crate) fn covers(&self, handed_to: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::HandedTo(numbers) => {
                numbers.iter().any(|number| handed_to.iter().any(|to| to == number.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_sees_the_calls_that_were_handed_to_them_and_no_other() {
        let contact = |number: &str, users: &[&str]| {
            let users = users.iter().map(|user| (*user).to_owned()).collect();
            (number.parse::<LineId>().unwrap(), Contact { name: "desk".into(), users })
        };
        let contacts = [contact("+33199009999", &["anne", "luc"]), contact("+33199008888", &["luc"])];
        let handed = |numbers: &[&str]| numbers.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let (desk, other) = (handed(&["+33199009999"]), handed(&["+33199008888"]));
        let table = [
            (Role::Agent, "anne", [true, false, false]),
            (Role::Agent, "luc", [true, true, false]),
            (Role::Agent, "marie", [false, false, false]),
            (Role::Supervisor, "marie", [true, true, true]),
            (Role::Admin, "marie", [true, true, true]),
            (Role::Operator, "night shift", [true, true, true]),
        ];
        for (role, user, expected) in table {
            let reach = Reach::of(role, user, &contacts);
            let seen = [reach.covers(&desk), reach.covers(&other), reach.covers(&[])];
            assert_eq!(seen, expected, "{role} {user}");
        }
        assert!(
            !Reach::of(Role::Agent, "anne", &[]).covers(&desk),
            "a contact that is removed shows nothing"
        );
    }
}
