//! Spellings of addresses that no request may go to: `forbidden.txt`, one a line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parloir_connect::{Destination, Outbound, OutboundError, SystemNames, forbidden};
use reqwest::header::HeaderMap;

const SPELLINGS: &str = include_str!("forbidden.txt");

fn spellings() -> impl Iterator<Item = &'static str> {
    SPELLINGS.lines().filter(|line| !line.starts_with("# "))
}

#[test]
fn none_of_them_is_read_as_something_that_may_be_reached() {
    let (mut unread, mut addresses, mut escaped) = (0, 0, Vec::new());
    for spelling in spellings() {
        match Destination::parse(spelling) {
            Err(_) => unread += 1,
            Ok(read) if read.address().and_then(forbidden).is_some() => addresses += 1,
            Ok(read) => escaped.push((spelling, read)),
        }
    }
    assert!(escaped.is_empty(), "{escaped:#?}");
    // Most are read, as what they are.
    assert!(unread > 200 && addresses > 1_000, "{unread} are not read, {addresses} are forbidden addresses");
}

#[tokio::test]
async fn the_client_sends_nothing_to_any_of_them() {
    let client = Outbound::new(Vec::new(), Arc::new(SystemNames)).unwrap();
    for read in spellings().filter_map(|spelling| Destination::parse(spelling).ok()) {
        let answer = client.post(&read, HeaderMap::new(), Bytes::new(), Duration::from_secs(1)).await;
        assert!(matches!(answer, Err(OutboundError::Refused(_))), "{read:?}: {answer:?}");
    }
}

#[test]
fn what_may_be_reached_is_read_however_it_is_written() {
    let public = [
        "https://hooks.example.com/calls?key=1",
        "https://HOOKS.example.com:8443/",
        "https://bücher.example/",
        "https://8.8.8.8/",
        "https://0x08080808/",
        "https://010.8.8.8/",
        "https://[2a00:1450:4001:80b::200e]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://127.0.0.1.example.com/",
        "https://10-0-0-1.example.com/",
    ];
    for spelling in public {
        let read = Destination::parse(spelling).unwrap_or_else(|error| panic!("{spelling}: {error}"));
        assert_eq!(read.address().and_then(forbidden), None, "{spelling}");
    }
}
