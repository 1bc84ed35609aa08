//! Which of a tenant's calls somebody sees. The matrix says who may read calls at all; of whom it says that they see their own
//! only, or their teams', this says which those are.

use parloir_contract::LineId;

use crate::resource::{CallState, Contact, Team};
use crate::role::Role;

/// Calls that somebody may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All of the tenant's.
    All,
    /// Those whose caller was handed to one of these numbers.
    HandedTo(Vec<LineId>),
    /// Those that rang one of these lines.
    Rang(Vec<LineId>),
}

impl Reach {
    /// How far somebody's reach is, by their role, by whom a tenant's contacts name, and by its teams. Where there are teams, a
    /// supervisor sees the calls of their own and no others; where there is none, all.
    pub(crate) fn of(role: Role, user: &str, contacts: &[(LineId, Contact)], teams: &[Team]) -> Self {
        match role {
            Role::Agent => {
                let theirs =
                    contacts.iter().filter(|(_, contact)| contact.users.iter().any(|one| one == user));
                Self::HandedTo(theirs.map(|(number, _)| number.clone()).collect())
            }
            Role::Supervisor if !teams.is_empty() => {
                let theirs = teams.iter().filter(|team| team.users.iter().any(|one| one == user));
                let mut lines: Vec<LineId> = theirs.flat_map(|team| team.lines.iter().cloned()).collect();
                lines.sort();
                lines.dedup();
                Self::Rang(lines)
            }
            // Whether they read calls at all is the matrix's to say.
            Role::Supervisor | Role::Admin | Role::Owner | Role::Operator => Self::All,
        }
    }

    /// Whether no call is in it, whichever there are.
    pub(crate) fn is_of_none(&self) -> bool {
        match self {
            Self::All => false,
            Self::HandedTo(numbers) => numbers.is_empty(),
            Self::Rang(lines) => lines.is_empty(),
        }
    }

    /// Why a call is not in it, for the log.
    pub(crate) const fn why_not(&self) -> &'static str {
        match self {
            Self::All => "there is no such call",
            Self::HandedTo(_) => "it is none that was handed to them",
            Self::Rang(_) => "it rang no line of a team of theirs",
        }
    }

    /// Whether a call that rang this line may be in it: what has to be read to know more is read of those alone.
    pub fn may_cover(&self, line: &str) -> bool {
        match self {
            Self::All | Self::HandedTo(_) => true,
            Self::Rang(lines) => lines.iter().any(|one| one.as_str() == line),
        }
    }

    /// Whether a call is in it: by the line that its own record says rang, and by whom its caller was handed to.
    pub fn covers(&self, call: &CallState) -> bool {
        match self {
            Self::All | Self::Rang(_) => self.may_cover(&call.line),
            Self::HandedTo(numbers) => {
                numbers.iter().any(|number| call.handed_to.iter().any(|to| to == number.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARC: &str = "+33199005678";
    const GARE: &str = "+33199001234";
    const DESK: &str = "+33199009999";
    const OTHER_DESK: &str = "+33199008888";

    fn call(line: &str, handed_to: &[&str]) -> CallState {
        CallState {
            line: line.into(),
            arrived: "twilio".into(),
            agent: "desk".into(),
            version: "1.0.0".into(),
            began: jiff::Timestamp::UNIX_EPOCH,
            ended: None,
            seconds: None,
            outcome: None,
            handed_to: handed_to.iter().map(|number| (*number).to_owned()).collect(),
            recording: None,
            held: false,
            restricted: Some(false),
            erased: Vec::new(),
        }
    }

    fn contact(number: &str, users: &[&str]) -> (LineId, Contact) {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        (number.parse::<LineId>().unwrap(), Contact { name: "desk".into(), users })
    }

    fn team(lines: &[&str], users: &[&str]) -> Team {
        let lines = lines.iter().map(|line| line.parse().unwrap()).collect();
        Team { lines, users: users.iter().map(|user| (*user).to_owned()).collect() }
    }

    /// Of calls handed to the desk, to the other one, and to nobody, which somebody sees.
    fn seen(reach: &Reach, line: &str) -> [bool; 3] {
        [&[DESK][..], &[OTHER_DESK], &[]].map(|handed_to| reach.covers(&call(line, handed_to)))
    }

    #[test]
    fn an_agent_sees_the_calls_that_were_handed_to_them_and_no_other() {
        let contacts = [contact(DESK, &["anne", "luc"]), contact(OTHER_DESK, &["luc"])];
        let table = [
            (Role::Agent, "anne", [true, false, false]),
            (Role::Agent, "luc", [true, true, false]),
            (Role::Agent, "marie", [false, false, false]),
            (Role::Supervisor, "marie", [true, true, true]),
            (Role::Admin, "marie", [true, true, true]),
            (Role::Operator, "night shift", [true, true, true]),
        ];
        for (role, user, expected) in table {
            let reach = Reach::of(role, user, &contacts, &[]);
            assert_eq!(seen(&reach, PARC), expected, "{role} {user}");
        }
        let removed = Reach::of(Role::Agent, "anne", &[], &[]);
        assert!(!removed.covers(&call(PARC, &[DESK])), "a contact that is removed shows nothing");
        // A team gives an agent nothing, and takes nothing.
        let teams = [team(&[GARE], &["anne", "marie"])];
        assert_eq!(seen(&Reach::of(Role::Agent, "anne", &contacts, &teams), PARC), [true, false, false]);
        assert_eq!(seen(&Reach::of(Role::Agent, "marie", &contacts, &teams), GARE), [false; 3]);
    }

    #[test]
    fn a_supervisor_sees_the_calls_of_their_teams_lines_and_in_no_team_none() {
        let teams = [team(&[PARC], &["anne", "luc"]), team(&[GARE, PARC], &["luc"]), team(&[], &["jean"])];
        let table = [
            (Role::Supervisor, "anne", [true, false]),
            (Role::Supervisor, "luc", [true, true]),
            (Role::Supervisor, "jean", [false, false]),
            (Role::Supervisor, "marie", [false, false]),
            (Role::Admin, "marie", [true, true]),
            (Role::Operator, "night shift", [true, true]),
        ];
        for (role, user, expected) in table {
            let reach = Reach::of(role, user, &[], &teams);
            let lines = [PARC, GARE];
            assert_eq!(lines.map(|line| reach.covers(&call(line, &[DESK]))), expected, "{role} {user}");
            assert_eq!(lines.map(|line| reach.may_cover(line)), expected, "{role} {user}");
            assert!(role != Role::Supervisor || !reach.covers(&call("", &[])), "a call without a line");
        }
        let both = Reach::of(Role::Supervisor, "luc", &[], &teams);
        assert_eq!(both, Reach::Rang(vec![GARE.parse().unwrap(), PARC.parse().unwrap()]));
        assert!(Reach::of(Role::Supervisor, "jean", &[], &teams).is_of_none());
        assert!(!both.is_of_none() && !Reach::All.is_of_none());
        // One that cannot be read is nobody's, and there all the same.
        assert!(Reach::of(Role::Supervisor, "anne", &[], &[Team::default()]).is_of_none());
    }
}
