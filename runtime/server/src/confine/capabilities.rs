//! Capabilities, which are root's rights one by one: of those that it was started with, a server keeps what serving takes.
//!
//! They belong to a thread, and a thread begins with those of the one that begins it: so they are given up by the only thread there
//! is. A program that is started from here has none where what could be given to it (the bounding set) is emptied, and nowhere more
//! than whoever starts it (`no_new_privs`). A user who is not root has none to give up.
//!
//! What the program's own file names (`setcap`) stays in the bounding set: of a file that names what cannot be given, the kernel
//! starts none, and what compiles agents, or answers for them behind a cordon, is this very file.

use std::fmt;

use rustix::fs::getxattr;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use crate::config::Config;

/// Ports below this one are listened on by whoever has a capability for it.
const UNPRIVILEGED: u16 = 1024;
/// This program, as the kernel knows it.
const ITSELF: &str = "/proc/self/exe";
/// Where a file names capabilities, which may be 24 bytes.
pub(super) const NAMED: &str = "security.capability";
/// The last niceness there is, and one more: the kernel counts the limit of niceness down from there.
const AFTER_LAST: i32 = 20;

/// What serving takes, where it is there.
pub(super) fn of_server(config: &Config) -> CapabilitySet {
    // What the operator's file names may be another user's, and is opened from within: keys, documents, certificates that are
    // renewed, a data folder that is a container's volume. Which files those are, Landlock says.
    let mut kept = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    // So is what is listened on.
    let administration = config.admin.as_ref().map(|admin| admin.listen);
    let mut listens = [config.server.listen].into_iter().chain(administration);
    if listens.any(|address| (1..UNPRIVILEGED).contains(&address.port())) {
        kept |= CapabilitySet::NET_BIND_SERVICE;
    }
    kept
}

/// What has become of this thread's capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    had: CapabilitySet,
    kept: CapabilitySet,
    /// Nothing can be given to a program that is started, but for what this one's file names.
    is_bounded: bool,
    /// What that is, as far as this thread said so.
    named: CapabilitySet,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.had.is_empty(), self.kept.is_empty()) {
            (true, _) => f.write_str("there are no capabilities to give up")?,
            (false, true) => f.write_str("all capabilities are given up")?,
            (false, false) => write!(f, "all capabilities are given up but {}", names(self.kept))?,
        }
        if self.is_bounded && self.named.is_empty() {
            f.write_str(", and a program that is started has none")
        } else if self.is_bounded {
            let named = names(self.named);
            write!(
                f,
                ", and a program that is started has no more of {named}, which this program's file names, than this one, and no other"
            )
        } else {
            f.write_str(
                "; the bounding set stays as it was, for emptying it takes CAP_SETPCAP: a program that is started has no more of them than this one",
            )
        }
    }
}

impl Left {
    /// What was kept, by its names.
    pub(super) fn kept(&self) -> Vec<String> {
        named_one_by_one(self.kept)
    }
}

fn named_one_by_one(set: CapabilitySet) -> Vec<String> {
    set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect()
}

fn names(set: CapabilitySet) -> String {
    named_one_by_one(set).join(", ")
}

/// Gives up what is not to be kept, for this thread and all that it starts. To be called while there is one thread.
pub(super) fn give_up(keep: CapabilitySet) -> Result<Left, String> {
    let refused = |what: &'static str| move |error: Errno| format!("{what}: {error}");
    let had = capabilities(None).map_err(refused("capget"))?;
    set_no_new_privs(true).map_err(refused("no_new_privs"))?;
    // Who keeps none has no say in when a thread runs either.
    if had.effective.contains(CapabilitySet::SYS_NICE) && !keep.is_empty() {
        return_to_own_turn();
    }
    let (named, is_bounded) = if had.effective.contains(CapabilitySet::SETPCAP) {
        let named = named();
        (named, empty_bounding_set(named).map(|()| true))
    } else {
        (CapabilitySet::empty(), Ok(may_be_given_none()))
    };
    let kept = kept_of(had.effective, keep);
    let left = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    // Those that programs without a file's leave are given (the ambient ones) go with the inheritable ones. Who has none already
    // need not ask, where it may not.
    let given_up = if had == left { Ok(()) } else { set_capabilities(None, left) };
    // Each by itself: where the one cannot be had, the other still holds.
    given_up.map_err(refused("capset"))?;
    let is_bounded = is_bounded.map_err(refused("the bounding set of capabilities"))?;
    Ok(Left { had: had.effective | had.permitted, kept, is_bounded, named })
}

/// Of these, what is kept. Who may write any file may read it.
fn kept_of(had: CapabilitySet, keep: CapabilitySet) -> CapabilitySet {
    let kept = had & keep;
    if kept.contains(CapabilitySet::DAC_OVERRIDE) {
        kept.difference(CapabilitySet::DAC_READ_SEARCH)
    } else {
        kept
    }
}

/// All that there may be, one by one, and whether a program could be given it.
fn each() -> impl Iterator<Item = (CapabilitySet, bool)> {
    let numbered = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1_u64 << number));
    // The kernel knows fewer of them.
    numbered.map_while(|one| Some((one, capability_is_in_bounding_set(one).ok()?)))
}

/// Takes all out of what a program may be given, but for these.
fn empty_bounding_set(but: CapabilitySet) -> Result<(), Errno> {
    let mut goes = each().filter(|(one, is_in)| *is_in && !but.contains(*one));
    goes.try_for_each(|(one, _)| remove_capability_from_bounding_set(one))
}

/// What this program's file names, without which the kernel does not start it once more. Most name nothing.
fn named() -> CapabilitySet {
    let mut attribute = [0_u8; 64];
    let length = getxattr(ITSELF, NAMED, &mut attribute).unwrap_or_default();
    named_in(attribute.get(..length).unwrap_or_default())
}

/// What a file's attribute lets whoever runs it have: after a word of its form, the first and the third, lowest byte first.
fn named_in(attribute: &[u8]) -> CapabilitySet {
    let word = |at: usize| {
        let word = attribute.get(at..).and_then(|rest| rest.first_chunk::<4>());
        u64::from(word.map_or(0, |word| u32::from_le_bytes(*word)))
    };
    CapabilitySet::from_bits_retain(word(4) | (word(12) << u32::BITS))
}

fn may_be_given_none() -> bool {
    each().all(|(_, is_in)| !is_in)
}

/// In the place of the right to have any thread served at any time: one of this process may be served as soon as it begins now,
/// where a thread that is served later begins it.
fn return_to_own_turn() {
    let Ok(niceness) = getpriority_process(None) else { return };
    let Ok(limit) = u64::try_from(AFTER_LAST.saturating_sub(niceness)) else { return };
    if getrlimit(Resource::Nice).current.is_some_and(|current| current < limit) {
        // Where it may not be had, such a thread is served as late as the one that begins it.
        let _as_it_was = setrlimit(Resource::Nice, Rlimit { current: Some(limit), maximum: Some(limit) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn serving_takes_files_of_other_users_and_a_port_of_the_systems_where_one_is_named() {
        let files = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        let listens = files | CapabilitySet::NET_BIND_SERVICE;
        for (text, expected) in [
            ("", files),
            ("[server]\nlisten = \"127.0.0.1:0\"\n", files),
            ("[server]\nlisten = \"127.0.0.1:1024\"\n", files),
            ("[server]\nlisten = \"0.0.0.0:443\"\n", listens),
            ("[admin]\n", files),
            ("[admin]\nlisten = \"127.0.0.1:1023\"\n", listens),
        ] {
            assert_eq!(of_server(&config(text)), expected, "{text}");
        }
    }

    #[test]
    fn nothing_is_kept_that_was_not_there_and_the_less_of_two_rights_goes() {
        let (write, read) = (CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH);
        assert_eq!(kept_of(CapabilitySet::all(), write | read), write);
        assert_eq!(kept_of(read | CapabilitySet::SYS_ADMIN, write | read), read);
        assert_eq!(kept_of(CapabilitySet::empty(), write | read), CapabilitySet::empty());
        assert_eq!(kept_of(CapabilitySet::all(), CapabilitySet::empty()), CapabilitySet::empty());
    }

    #[test]
    fn what_was_given_up_is_told_and_so_is_what_could_not_be() {
        let (none, write) = (CapabilitySet::empty(), CapabilitySet::DAC_OVERRIDE);
        let told = |had, kept, is_bounded| Left { had, kept, is_bounded, named: none }.to_string();
        let all = CapabilitySet::all();
        assert_eq!(
            told(all, write | CapabilitySet::NET_BIND_SERVICE, true),
            "all capabilities are given up but CAP_DAC_OVERRIDE, CAP_NET_BIND_SERVICE, and a program that is started has none"
        );
        assert!(told(all, none, false).starts_with("all capabilities are given up; the bounding set stays"));
        assert!(told(none, none, false).starts_with("there are no capabilities to give up; "));
        let listens =
            Left { had: all, kept: write, is_bounded: true, named: CapabilitySet::NET_BIND_SERVICE };
        assert!(listens.to_string().contains("no more of CAP_NET_BIND_SERVICE, which"), "{listens}");
        assert_eq!(listens.kept(), ["CAP_DAC_OVERRIDE"]);
    }

    #[test]
    fn what_a_file_names_is_read_of_every_form() {
        let (low, high) = (CapabilitySet::NET_BIND_SERVICE, CapabilitySet::BPF);
        let attribute = |form: u8, words: &[u32]| {
            let mut bytes = vec![1, 0, 0, form];
            bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
            bytes
        };
        let (first, second) = (1 << 10, 1 << (39 - 32));
        assert_eq!(named_in(&attribute(1, &[first, u32::MAX])), low);
        assert_eq!(named_in(&attribute(2, &[first, u32::MAX, second, u32::MAX])), low | high);
        assert_eq!(named_in(&attribute(3, &[first, u32::MAX, second, u32::MAX, u32::MAX])), low | high);
        assert_eq!(named_in(&[]), CapabilitySet::empty());
    }
}
