//! Names that lead where a hostile tenant wants them to: to the tenant's own service for as long as somebody looks, and inside
//! when it counts. Whoever has a name says what it leads to, as often as asked and otherwise each time.
//!
//! The house asks these and nobody else: no name is looked up outside of this machine. Where requests may go stands for the public
//! Internet: the operator opened it to the tenant.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use async_trait::async_trait;
use parking_lot::Mutex;
use parloir_server::Names;

use crate::rooms::{PRIVATE, SERVICES};

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// NAT64's well-known prefix (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
/// A network of somebody's (RFC 5214 §6.1).
const ISATAP: [u16; 6] = [0x2a00, 0x1450, 0, 0, 0, 0x5efe];

/// Where names lead that should not, each with what it is called. Of those that hold an IPv4 address it is the one where something
/// of the neighbour's listens.
fn inside() -> [(&'static str, IpAddr); 9] {
    let behind = |[a, b, c, d, e, f]: [u16; 6]| {
        let [g, h] = halves(PRIVATE);
        Ipv6Addr::new(a, b, c, d, e, f, g, h)
    };
    let [high, low] = halves(PRIVATE);
    let six_to_four = Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1);
    [
        ("private", PRIVATE.into()),
        ("metadata", METADATA.into()),
        ("mapped", PRIVATE.to_ipv6_mapped().into()),
        ("mapped-metadata", METADATA.to_ipv6_mapped().into()),
        ("compatible", behind([0; 6]).into()),
        ("nat64", behind(NAT64).into()),
        ("six-to-four", six_to_four.into()),
        ("isatap", behind(ISATAP).into()),
        ("loopback", Ipv6Addr::LOCALHOST.into()),
    ]
}

/// The two halves of an address, as they stand in an IPv6 one.
fn halves(address: Ipv4Addr) -> [u16; 2] {
    let [a, b, c, d] = address.octets();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

/// What the connectors are called, as `tests/hostile/agents/connectors/rebinding.wat` and its neighbour name them: those whose names
/// lead inside the second time, and those whose names lead to both at once.
pub(crate) fn connectors() -> impl Iterator<Item = String> {
    let all = |way: &'static str| inside().into_iter().map(move |(what, _)| format!("{way}-{what}"));
    all(THEN).chain(all(BESIDE))
}

const THEN: &str = "then";
const BESIDE: &str = "beside";
/// Nobody's, for ever (RFC 6761).
const ABOVE: &str = ".invalid";

/// They, for the operator's file, behind a tenant's table: the service's port is where all of them lead.
pub(crate) fn described(port: u16) -> String {
    let mut text = String::new();
    for name in connectors() {
        // To a text nothing fails to be written.
        let _written = writeln!(
            text,
            "[[tenant.connector]]\nname = \"{name}\"\nurl = \"http://{name}{ABOVE}:{port}/mallory/\"\n\
             credential = {{ secret = \"crm-key\" }}"
        );
    }
    text
}

/// Whether a name leads to its tenant's own service at first.
pub(crate) fn leads_home_first(host: &str) -> bool {
    host.strip_prefix(THEN).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(ABOVE))
}

/// Who says where such names lead.
#[derive(Debug, Default)]
pub struct Rebinding {
    /// How often each was asked for: of those that there are alone.
    asked: Mutex<BTreeMap<String, u64>>,
}

impl Rebinding {
    /// What the connectors are called whose names these are.
    pub fn connectors() -> impl Iterator<Item = String> {
        connectors()
    }

    /// Where a connector's name leads this time; nowhere where it is none of these.
    pub fn leads(&self, connector: &str) -> Vec<IpAddr> {
        let (Some((way, what)), own) = (connector.split_once('-'), IpAddr::from(SERVICES)) else {
            return Vec::new();
        };
        let Some((_, inside)) = inside().into_iter().find(|(name, _)| *name == what) else {
            return Vec::new();
        };
        match way {
            BESIDE => vec![own, inside],
            THEN => {
                let mut asked = self.asked.lock();
                let times = asked.entry(connector.to_owned()).or_default();
                *times += 1;
                if *times % 2 == 1 { vec![own] } else { vec![inside] }
            }
            _ => Vec::new(),
        }
    }
}

#[async_trait]
impl Names for Rebinding {
    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let connector = name.strip_suffix(ABOVE).unwrap_or_default();
        match self.leads(connector) {
            nowhere if nowhere.is_empty() => {
                Err(io::Error::new(io::ErrorKind::NotFound, "there is no such name"))
            }
            somewhere => Ok(somewhere),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_home_and_inside_in_turn_or_to_both_at_once() {
        let names = Rebinding::default();
        let home = IpAddr::from(SERVICES);
        for (what, inside) in inside() {
            let (then, beside) = (format!("{THEN}-{what}"), format!("{BESIDE}-{what}"));
            assert_eq!(
                [names.leads(&then), names.leads(&then), names.leads(&then)],
                [[home], [inside], [home]]
            );
            assert_eq!(names.leads(&beside), [home, inside]);
            assert!(
                leads_home_first(&format!("{then}.invalid"))
                    && !leads_home_first(&format!("{beside}.invalid"))
            );
        }
        for none in ["", "then", "then-", "then-elsewhere", "beside-elsewhere", "private", "crm"] {
            assert_eq!(names.leads(none), Vec::<IpAddr>::new(), "{none}");
        }
        assert_eq!(names.asked.lock().len(), inside().len());
        assert!(!leads_home_first("thence.invalid") && !leads_home_first("then-private.example.com"));
        // With the three that every attack has.
        assert!(connectors().count() + 3 <= 32);
    }

    #[tokio::test]
    async fn no_other_name_is_looked_up() {
        let names = Rebinding::default();
        assert_eq!(names.look_up("then-private.invalid").await.unwrap(), [IpAddr::from(SERVICES)]);
        for name in ["localhost", "then-private", "then-private.example.com", "invalid", ""] {
            assert!(names.look_up(name).await.is_err(), "{name}");
        }
    }
}
