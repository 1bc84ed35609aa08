//! How many connections each host has open: none has them all, so that one host alone keeps nobody else out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Whose an address is: of IPv6, a host has all of a network of 64 bits.
pub(crate) fn host(address: SocketAddr) -> IpAddr {
    match address.ip().to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The connections of each host.
#[derive(Clone)]
pub(crate) struct Hosts {
    most: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Hosts {
    /// So many of each, at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// One more from this address, until what is given is dropped; `None` where its host has as many as it may.
    pub(crate) fn one_more(&self, address: SocketAddr) -> Option<OfHost> {
        let host = host(address);
        let mut open = self.open.lock();
        let count = open.entry(host).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(OfHost { host, open: self.open.clone() })
    }
}

/// A connection that is counted.
pub(crate) struct OfHost {
    host: IpAddr,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for OfHost {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&self.host) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_host_has_more_than_its_share_and_nothing_is_kept_of_one_that_has_none() {
        let hosts = Hosts::new(2);
        let from = |address: &str| hosts.one_more(address.parse().unwrap());
        let mut open = vec![from("[2001:db8::1]:1").unwrap(), from("[2001:db8::2]:1").unwrap()];
        assert!(from("[2001:db8::3]:1").is_none(), "one network of 64 bits is one host");
        let other = from("198.51.100.7:1").unwrap();
        let mapped = from("[::ffff:198.51.100.7]:2").unwrap();
        assert!(from("198.51.100.7:3").is_none());
        open.pop();
        assert!(from("[2001:db8::3]:1").is_some());
        drop((open, other, mapped));
        assert!(hosts.open.lock().is_empty());
    }
}
