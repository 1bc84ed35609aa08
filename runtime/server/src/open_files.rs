//! How many files the process may have open. A connection is one: with the 1,024 that a system lets a program have unasked, far fewer
//! would be accepted than are counted.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::connections::{OF_ADMINISTRATION, OF_CARRIERS};

/// Files of a live call: its stream, and connections to providers.
const OF_CALL: u64 = 4;
/// Files that are no connection of these: storage, handshakes, what is started.
const BESIDE: u64 = 1_024;

/// How many files may be open at a time where every place is taken.
fn counted(config: &Config) -> u64 {
    let administration = if config.admin.is_some() { OF_ADMINISTRATION } else { 0 };
    let calls = u64::from(config.server.concurrent_calls).saturating_mul(OF_CALL);
    (OF_CARRIERS as u64).saturating_add(administration as u64).saturating_add(calls).saturating_add(BESIDE)
}

/// Lets this process have as many files open as it ever may, and warns where it counts on more. To be called before it is confined.
pub fn raise_open_files(config: &Config) {
    let allowed = getrlimit(Resource::Nofile);
    if allowed.current != allowed.maximum {
        let raised = Rlimit { current: allowed.maximum, maximum: allowed.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "no more files may be open than at the start");
        }
    }
    let (counted, may) = (counted(config), getrlimit(Resource::Nofile).current);
    if let Some(may) = may.filter(|may| *may < counted) {
        tracing::warn!(
            "{may} files may be open, and {counted} are where every connection has its place: whoever comes when there are no more is not answered; raise the limit, with `LimitNOFILE=` of systemd or `ulimit -n`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_may_be_open_as_the_process_is_ever_let() {
        let allowed = getrlimit(Resource::Nofile);
        let below = allowed.maximum.map_or(1 << 16, |most| most - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(below), maximum: allowed.maximum }).unwrap();
        raise_open_files(&toml::from_str("").unwrap());
        let raised = getrlimit(Resource::Nofile);
        assert_eq!((raised.current, raised.maximum), (allowed.maximum, allowed.maximum));
    }

    #[test]
    fn every_place_for_a_connection_is_a_file() {
        let of = |text: &str| counted(&toml::from_str(text).unwrap());
        let none = of("[server]\nconcurrent-calls = 1");
        assert_eq!(of("[server]\nconcurrent-calls = 101"), none + 100 * OF_CALL);
        assert!(none > OF_CARRIERS as u64);
    }
}
