//! Which addresses a request may not go to, and which an operator allows all the same.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a cloud answers its machines' questions on: keys among them.
const METADATA: &str = "a cloud's metadata service";

/// IANA's special-purpose registry for IPv4 (RFC 6890), and what clouds answer their machines' questions on. The narrower
/// before the wider.
static V4: [([u8; 4], u32, &str); 17] = [
    ([169, 254, 169, 254], 32, METADATA),
    ([100, 100, 100, 200], 32, METADATA),
    ([168, 63, 129, 16], 32, METADATA),
    ([192, 0, 0, 192], 32, METADATA),
    ([0, 0, 0, 0], 8, "an unspecified address"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "a carrier's internal address"),
    ([127, 0, 0, 0], 8, "a loopback address"),
    ([169, 254, 0, 0], 16, "a link-local address"),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "an address of protocols"),
    ([192, 0, 2, 0], 24, "an address for documentation"),
    ([192, 88, 99, 0], 24, "a 6to4 relay's address"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "an address for benchmarks"),
    ([198, 51, 100, 0], 24, "an address for documentation"),
    ([203, 0, 113, 0], 24, "an address for documentation"),
];

/// The same of IPv6. What is outside of `2000::/3` is nobody's either; these are named, so that a refusal says what it is.
static V6: [(u128, u32, &str); 18] = [
    (0xfd00_0ec2_0000_0000_0000_0000_0000_0254, 128, METADATA),
    (0xfd20_00ce_0000_0000_0000_0000_0000_0254, 128, METADATA),
    (0, 128, "an unspecified address"),
    (1, 128, "a loopback address"),
    (0, 96, "an IPv4-compatible address"),
    (0x0064_ff9b_0001_0000_0000_0000_0000_0000, 48, "a NAT64 address of local use"),
    (0x0100_0000_0000_0000_0000_0000_0000_0000, 64, "a discarded address"),
    (0x2001_0000_0000_0000_0000_0000_0000_0000, 32, "a Teredo address"),
    (0x2001_0002_0000_0000_0000_0000_0000_0000, 48, "an address for benchmarks"),
    (0x2001_0000_0000_0000_0000_0000_0000_0000, 23, "an address of protocols"),
    (0x2001_0db8_0000_0000_0000_0000_0000_0000, 32, "an address for documentation"),
    (0x2002_0000_0000_0000_0000_0000_0000_0000, 16, "a 6to4 address"),
    (0x3fff_0000_0000_0000_0000_0000_0000_0000, 20, "an address for documentation"),
    (0x5f00_0000_0000_0000_0000_0000_0000_0000, 16, "an address of segment routing"),
    (0xfc00_0000_0000_0000_0000_0000_0000_0000, 7, "a private address"),
    (0xfe80_0000_0000_0000_0000_0000_0000_0000, 10, "a link-local address"),
    (0xfec0_0000_0000_0000_0000_0000_0000_0000, 10, "a private address"),
    (0xff00_0000_0000_0000_0000_0000_0000_0000, 8, "a multicast address"),
];

/// NAT64's well-known prefix (RFC 6052): the last 32 bits are an IPv4 address.
const NAT64: u128 = 0x0064_ff9b_0000_0000_0000_0000_0000_0000;
/// What everybody's addresses begin with (RFC 4291 §2.4).
const GLOBAL: u128 = 0x2000_0000_0000_0000_0000_0000_0000_0000;

/// What an address is, where no request may go there; `None` for one of the public Internet. An IPv4 address inside an IPv6
/// one (mapped, NAT64, ISATAP) is judged by itself; those of 6to4 and Teredo and IPv4-compatible ones are refused whatever
/// is in them.
#[must_use]
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) => forbidden_v6(address),
    }
}

/// Whether a request may go to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In a network that is opened: also by `http://`.
    Opened,
    /// Of the public Internet.
    Public,
    /// Not: what it is.
    Refused(&'static str),
}

/// Whether a request of one to whom these networks are open may go to an address. A network that is opened as a whole does not bring a
/// metadata service along: that is opened by its own address.
#[must_use]
pub fn judge(address: IpAddr, opened: &[AddressRange]) -> Reach {
    let what = forbidden(address);
    let opens =
        |range: &AddressRange| range.contains(address) && (range.is_one_address() || what != Some(METADATA));
    if opened.iter().any(opens) {
        return Reach::Opened;
    }
    what.map_or(Reach::Public, Reach::Refused)
}

fn forbidden_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = u32::from(address);
    let covers = |network: [u8; 4], prefix: u32| {
        let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
        (bits ^ u32::from_be_bytes(network)) & mask == 0
    };
    let named = V4.iter().find(|(network, prefix, _)| covers(*network, *prefix)).map(|(.., what)| *what);
    let [first, ..] = address.octets();
    named.or(match first {
        224..=239 => Some("a multicast address"),
        240.. => Some("a reserved address"),
        0..=223 => None,
    })
}

fn forbidden_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return forbidden_v4(mapped);
    }
    let bits = u128::from(address);
    let inside = |network: u128, prefix: u32| {
        let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix)).unwrap_or(0);
        (bits ^ network) & mask == 0
    };
    let embedded = || Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or_default());
    if inside(NAT64, 96) {
        return forbidden_v4(embedded());
    }
    if let Some(&(.., what)) = V6.iter().find(|(network, prefix, _)| inside(*network, *prefix)) {
        return Some(what);
    }
    if !inside(GLOBAL, 3) {
        return Some("a reserved address");
    }
    // ISATAP (RFC 5214 §6.1): `0000:5efe` or `0200:5efe`, and then an IPv4 address.
    match address.segments() {
        [_, _, _, _, 0 | 0x0200, 0x5efe, _, _] => forbidden_v4(embedded()),
        _ => None,
    }
}

/// An address that no request may go to, and that nobody allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} is {what}: whoever runs the installation can open it to a tenant in parloir.toml, with \
     [outbound] allow-private = [{{ network = \"{address}/{}\", tenants = [\"…\"] }}]", bits_of(.address)
)]
pub struct Forbidden {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub what: &'static str,
}

/// A network that the operator allows though it is private, such as `10.1.2.3/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no range of addresses: {rule}")]
pub struct NotARange {
    given: String,
    rule: &'static str,
}

impl AddressRange {
    /// Whether it is one address, and not a network of several.
    const fn is_one_address(&self) -> bool {
        self.prefix == bits_of(&self.network)
    }

    /// Whether an address is in it. IPv4 addresses inside IPv6 ones (`::ffff:10.1.2.3`) count as what they are.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.prefix.into())).unwrap_or(0);
                (network.to_bits() ^ address.to_bits()) & mask == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.prefix.into())).unwrap_or(0);
                (network.to_bits() ^ address.to_bits()) & mask == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

const fn bits_of(address: &IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl FromStr for AddressRange {
    type Err = NotARange;
    fn from_str(text: &str) -> Result<Self, NotARange> {
        let wrong = |rule| NotARange { given: text.chars().take(60).collect(), rule };
        let form = "write an address and how many of its bits count, as in 10.1.2.3/32";
        let (network, prefix) = text.split_once('/').ok_or_else(|| wrong(form))?;
        let network: IpAddr = network.parse().map_err(|_| wrong(form))?;
        let digits = (1..=3).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|_| digits).ok_or_else(|| wrong(form))?;
        if network.to_canonical() != network {
            return Err(wrong("write the IPv4 address by itself, without ::ffff:"));
        }
        // The whole of 10.0.0.0/8 or fc00::/7 is what somebody may own; nobody owns more.
        let least = if network.is_ipv4() { 8 } else { 7 };
        if prefix < least || prefix > bits_of(&network) {
            return Err(wrong("8 to 32 bits count of an IPv4 address, 7 to 128 of an IPv6 address"));
        }
        let range = Self { network, prefix };
        let rest = match network {
            IpAddr::V4(network) => network.to_bits().checked_shl(prefix.into()).unwrap_or(0) != 0,
            IpAddr::V6(network) => network.to_bits().checked_shl(prefix.into()).unwrap_or(0) != 0,
        };
        if rest {
            return Err(wrong("the bits that do not count are not 0: write the network's own address"));
        }
        Ok(range)
    }
}

impl TryFrom<String> for AddressRange {
    type Error = NotARange;
    fn try_from(text: String) -> Result<Self, NotARange> {
        text.parse()
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_by_what_it_is() {
        let table = [
            ("0.0.0.0", "an unspecified address"),
            ("10.255.255.255", "a private address"),
            ("100.127.255.255", "a carrier's internal address"),
            ("127.255.255.254", "a loopback address"),
            ("169.254.169.254", "a cloud's metadata service"),
            ("169.254.1.1", "a link-local address"),
            ("168.63.129.16", "a cloud's metadata service"),
            ("172.31.255.255", "a private address"),
            ("192.0.2.9", "an address for documentation"),
            ("198.19.255.255", "an address for benchmarks"),
            ("224.0.0.1", "a multicast address"),
            ("255.255.255.255", "a reserved address"),
            ("::", "an unspecified address"),
            ("::1", "a loopback address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("::127.0.0.1", "an IPv4-compatible address"),
            ("::ffff:0:127.0.0.1", "a reserved address"),
            ("64:ff9b::7f00:1", "a loopback address"),
            ("64:ff9b:1::1", "a NAT64 address of local use"),
            ("2002:7f00:1::", "a 6to4 address"),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", "a Teredo address"),
            ("2001:2::1", "an address for benchmarks"),
            ("2001:db8::1", "an address for documentation"),
            ("3fff::1", "an address for documentation"),
            ("fd00:ec2::254", "a cloud's metadata service"),
            ("fd12::1", "a private address"),
            ("fe80::1", "a link-local address"),
            ("febf::1", "a link-local address"),
            ("fec0::1", "a private address"),
            ("ff02::1", "a multicast address"),
            ("4000::1", "a reserved address"),
            ("2a00:1450::5efe:10.0.0.1", "a private address"),
            ("2a00:1450::200:5efe:a00:1", "a private address"),
        ];
        for (address, what) in table {
            assert_eq!(forbidden(address.parse().unwrap()), Some(what), "{address}");
        }
    }

    #[test]
    fn a_network_that_is_opened_brings_no_metadata_service_along() {
        let judged =
            |address: &str, opened: &str| judge(address.parse().unwrap(), &[opened.parse().unwrap()]);
        let metadata = "169.254.169.254";
        assert_eq!(judged(metadata, "169.254.0.0/16"), Reach::Refused(METADATA));
        assert_eq!(judged(metadata, "169.254.169.254/32"), Reach::Opened);
        assert_eq!(judged("169.254.1.1", "169.254.0.0/16"), Reach::Opened);
        assert_eq!(judged("10.0.0.1", "169.254.0.0/16"), Reach::Refused("a private address"));
        assert_eq!(judged("8.8.8.8", "169.254.0.0/16"), Reach::Public);
    }

    #[test]
    fn the_neighbours_of_what_is_forbidden_are_not() {
        let public = [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2a00:1450::5efe:8.8.8.8",
            "3ffe::1",
        ];
        for address in public {
            assert_eq!(forbidden(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn a_range_holds_what_it_says_and_is_written_as_it_was_read() {
        let range: AddressRange = "10.1.2.0/24".parse().unwrap();
        assert_eq!(range.to_string(), "10.1.2.0/24");
        let inside = |address: &str| range.contains(address.parse().unwrap());
        assert!(inside("10.1.2.255") && inside("::ffff:10.1.2.3"));
        assert!(!inside("10.1.3.0") && !inside("::10.1.2.3") && !inside("fd00::1"));
        let one: AddressRange = "fd00::1/128".parse().unwrap();
        assert!(one.contains("fd00::1".parse().unwrap()) && !one.contains("fd00::2".parse().unwrap()));
    }

    #[test]
    fn what_is_no_range_says_what_to_write() {
        let table = [
            ("10.1.2.3", "as in 10.1.2.3/32"),
            ("10.1.2.3/", "as in 10.1.2.3/32"),
            ("10.1.2.3/+8", "as in 10.1.2.3/32"),
            ("localhost/8", "as in 10.1.2.3/32"),
            ("0.0.0.0/0", "8 to 32 bits"),
            ("10.1.2.3/33", "8 to 32 bits"),
            ("::/0", "8 to 32 bits"),
            ("10.1.2.3/24", "do not count are not 0"),
            ("::ffff:10.1.2.3/128", "without ::ffff:"),
        ];
        for (text, said) in table {
            let problem = text.parse::<AddressRange>().unwrap_err().to_string();
            assert!(problem.contains(said), "{text}: {problem}");
        }
    }

    #[test]
    fn a_refusal_says_how_to_allow_it() {
        let refused = Forbidden { address: "10.1.2.3".parse().unwrap(), what: "a private address" };
        let entry = "[outbound] allow-private = [{ network = \"10.1.2.3/32\", tenants = [\"…\"] }]";
        assert!(refused.to_string().ends_with(entry), "{refused}");
    }
}
