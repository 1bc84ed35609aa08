//! Every parser of bytes that come from outside, as a function a fuzzer can call.
//!
//! `tests/corpus.rs` runs each target over its corpus on every test run. The fuzzer itself is in
//! `libfuzzer/`: with a nightly compiler and `cargo install cargo-fuzz`,
//!
//! ```sh
//! cd tests/fuzz/libfuzzer && cargo +nightly fuzz run twilio_frames ../corpus/twilio_frames
//! ```
#![forbid(unsafe_code)]

use std::net::IpAddr;

use parloir_admin::oidc::{Expected, KeySet};
use parloir_admin::{ApiKey, resource};
use parloir_attest::Report;
use parloir_backup::{Manifest, Member, read_row};
use parloir_connect::{AddressRange, Destination, HeldSecret, SigningSecret, forbidden};
use parloir_contract::{
    ChooseMoment, ConnectorRequest, LocalTime, Method, Question, ReadPhone, ReadWhen, TraceParent, Utterance,
    sendable,
};
use parloir_cordon::{Answer, MOST_COMPILED, MOST_VALUES, Said, read_said, read_up, values};
use parloir_proof::checkpoint::{Checkpoint, Submission};
use parloir_proof::note::{Note, PublicKey};
use parloir_proof::tile::{self, Tile};
use parloir_proof::{Proof, Trust};
use parloir_registry::{Challenge, Credentials, Reference, manifest};
use parloir_sandbox::{Settings, check_shape};
use parloir_server::{CertificatePair, Validity};
use parloir_tenancy::signature::{PublicKey as AgentKey, Signature, SigningFile};
use parloir_transport::session::Session;
use parloir_transport::twiml::Response;
use parloir_transport::webhook::{ConnectEnded, DialEnded, Form, VoiceRequest};

/// A target's name and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("twilio_frames", twilio_frames),
    ("twiml", twiml),
    ("webhook_forms", webhook_forms),
    ("wav", wav),
    ("model_chunks", model_chunks),
    ("configuration", configuration),
    ("meaning", meaning),
    ("conversation_files", conversation_files),
    ("checkpoints", checkpoints),
    ("tiles", tiles),
    ("proof_files", proof_files),
    ("administration", administration),
    ("back_ups", back_ups),
    ("trace_parents", trace_parents),
    ("destinations", destinations),
    ("certificates", certificates),
    ("registries", registries),
    ("reports", reports),
    ("tokens", tokens),
    ("agent_signatures", agent_signatures),
    ("cordon_messages", cordon_messages),
    ("components", components),
    ("compilations", compilations),
];

/// The frames of a whole stream, one a line, as a carrier would send them.
pub fn twilio_frames(bytes: &[u8]) {
    let mut session = Session::default();
    for line in bytes.split(|b| *b == b'\n') {
        match std::str::from_utf8(line) {
            Ok(text) => drop(session.text(text)),
            Err(_) => drop(session.not_utf8()),
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parloir_transport::twilio::parse_from_server(text);
    }
}

/// A carrier's call instructions; what is read must be written and read again alike.
pub fn twiml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(response) = Response::parse(text) {
        let again = Response::parse(&response.to_xml());
        assert_eq!(again.as_ref(), Ok(&response));
    }
}

/// The forms a carrier posts.
pub fn webhook_forms(bytes: &[u8]) {
    if let Ok(form) = Form::parse(bytes) {
        let _ = VoiceRequest::from_form(&form);
        let _ = ConnectEnded::from_form(&form);
        let _ = DialEnded::from_form(&form);
    }
}

/// A sound file somebody gives.
pub fn wav(bytes: &[u8]) {
    if let Ok((samples, rate)) = parloir_media::read_wav(bytes) {
        assert!(samples.len() <= bytes.len() && rate.hertz() > 0);
        assert!(parloir_media::Resampler::new(rate, parloir_media::SampleRate::TELEPHONE).is_ok());
    }
}

/// What a hosted model or transcriber answers.
pub fn model_chunks(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parloir_providers::openai::parse_chunk(text);
    }
    let _ = parloir_providers::openai::parse_transcription(bytes);
}

/// The first line as a key to the administration, the rest as the bodies that its API reads. What is a key is written again alike.
pub fn administration(bytes: &[u8]) {
    let (first, rest) = bytes.split_at(bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len()));
    if let Ok(text) = std::str::from_utf8(first)
        && let Ok(key) = text.parse::<ApiKey>()
    {
        assert_eq!(key.reveal(), text);
    }
    let _ = serde_json::from_slice::<resource::NewTenant>(rest);
    let _ = serde_json::from_slice::<resource::Tenant>(rest);
    let _ = serde_json::from_slice::<resource::User>(rest);
    let _ = serde_json::from_slice::<resource::NewKey>(rest);
    let _ = serde_json::from_slice::<resource::BreakGlass>(rest);
    let _ = serde_json::from_slice::<resource::Suspend>(rest);
    let _ = serde_json::from_slice::<resource::Calendar>(rest);
    let _ = serde_json::from_slice::<resource::Connector>(rest);
    let _ = serde_json::from_slice::<resource::BlockNumber>(rest);
    let _ = serde_json::from_slice::<resource::NewSecret>(rest);
    let _ = serde_json::from_slice::<resource::AgentKey>(rest);
    let _ = serde_json::from_slice::<resource::AgentPolicy>(rest);
    let _ = serde_json::from_slice::<resource::StartCanary>(rest);
    let _ = serde_json::from_slice::<resource::RollBack>(rest);
    let _ = serde_json::from_slice::<resource::Contact>(rest);
    let _ = serde_json::from_slice::<resource::Review>(rest);
    let _ = serde_json::from_slice::<resource::ImportTenant>(rest);
    let _ = serde_json::from_slice::<resource::Setting>(rest);
    let _ = serde_json::from_slice::<resource::LogIn>(rest);
    let _ = serde_json::from_slice::<resource::Team>(rest);
    if let Ok(line) = serde_json::from_slice::<resource::Line>(rest) {
        let again = serde_json::to_vec(&line).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        assert_eq!(again, Some(line));
    }
}

/// The operator's file.
pub fn configuration(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = toml::from_str::<parloir_server::Config>(text);
    }
}

/// What a recogniser writes, or an agent says somebody said.
pub fn meaning(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let now = LocalTime { year: 2026, month: 11, day: 21, hour: 18, minute: 0 };
    for language in ["fr-FR", "en-GB"] {
        let (text, language) = (text.to_owned(), language.to_owned());
        let said = || Utterance { text: text.clone(), language: language.clone() };
        let home = "+33123456789".to_owned();
        let calls = [
            Question::YesNo(said()),
            Question::Amount(said()),
            Question::Name(said()),
            Question::Intents(said()),
            Question::RelativeWish(said()),
            Question::IsNoise(text.clone()),
            Question::Once(text.clone()),
            Question::When(ReadWhen { text: text.clone(), language: language.clone(), now }),
            Question::Phone(ReadPhone { text: text.clone(), language: language.clone(), home }),
            Question::ChooseMoment(ChooseMoment { text: text.clone(), language, offers: vec![now], now }),
        ];
        for call in calls {
            assert_eq!(parloir_meaning::answer(&call).reading(), call.reading());
        }
    }
}

/// A conversation file; every mistake in one has a place. What is read and can be written is read again
/// with the same course.
pub fn conversation_files(bytes: &[u8]) {
    let path = std::path::Path::new("fuzz.yaml");
    match parloir_rehearsal::read(path, bytes) {
        Ok(conversations) => {
            for one in conversations {
                let written = parloir_rehearsal::write(&one);
                if let Ok(again) = parloir_rehearsal::read(path, written.as_bytes()) {
                    assert_eq!(again.first().map(|again| again.steps.len()), Some(one.steps.len()));
                }
            }
        }
        Err(bad) => assert!(bad.problems.iter().all(|problem| problem.at.line > 0)),
    }
}

/// A checkpoint as a log publishes it, or as one is handed to a witness; what is read must be written alike.
pub fn checkpoints(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(note) = text.parse::<Note>() {
        assert_eq!(note.to_string(), text);
        if let Ok(checkpoint) = note.text.parse::<Checkpoint>() {
            assert_eq!(checkpoint.to_string(), note.text);
        }
        if let Ok(next) = parloir_proof::keys::next_key(&note) {
            assert_eq!(parloir_proof::keys::rotation_text(&next), note.text);
        }
    }
    if let Ok(submission) = text.parse::<Submission>() {
        assert_eq!(submission.to_string(), text);
    }
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string(), text);
    }
}

/// A tile's path in the first line, and what the file there holds.
pub fn tiles(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (Some(path), Some(held)) = (parts.next(), parts.next()) else { return };
    let Some(tile) = std::str::from_utf8(path).ok().and_then(Tile::parse) else { return };
    assert_eq!(tile.to_string().as_bytes(), path);
    if let Some(hashes) = tile::read_hashes(held, tile.width) {
        assert_eq!(hashes.concat(), held);
    }
    if let Some(entries) = tile::read_entries(held, tile.width) {
        for entry in entries {
            let _ = parloir_proof::chunk::Header::parse(entry);
        }
    }
}

/// A file somebody hands over as a proof.
pub fn proof_files(bytes: &[u8]) {
    if let Ok(proof) = Proof::parse(bytes) {
        let _ = proof.verify(&Trust::default());
    }
}

/// What is in a back-up once it is opened: what it says of itself, the names of its files, one a line, and its rows. No name
/// leads out of a folder.
pub fn back_ups(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes) {
        assert_eq!(Manifest::parse(&manifest.bytes()), Ok(manifest));
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        let name = std::str::from_utf8(line).ok();
        if let Some(name) = name.filter(|name| Member::parse(name).is_some()) {
            let path = std::path::Path::new(name);
            assert!(path.components().all(|part| matches!(part, std::path::Component::Normal(_))));
        }
    }
    let mut rest = bytes;
    while let Ok(Some((address, _))) = read_row(&mut rest) {
        assert!(address.tenant().is_some());
    }
}

/// The trace a carrier's request says it belongs to; what is read must be written and read again alike.
pub fn trace_parents(bytes: &[u8]) {
    let Some(read) = std::str::from_utf8(bytes).ok().and_then(TraceParent::parse) else { return };
    assert_eq!(TraceParent::parse(&read.to_string()), Some(read));
}

/// Where somebody wants requests sent; a network that is allowed; a secret. What is read is written again alike, and no address
/// of this machine or its network is read as one that may be reached.
pub fn destinations(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(read) = Destination::parse(text) {
        assert_eq!(Destination::parse(read.reveal()).as_ref(), Ok(&read));
        let own = match read.address().map(|address| address.to_canonical()) {
            Some(IpAddr::V4(v4)) => {
                v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()
            }
            Some(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unspecified() || v6.is_multicast(),
            None => false,
        };
        assert!(!own || read.address().and_then(forbidden).is_some());
        let query = [(text.to_owned(), text.to_owned())];
        if let Ok(below) = read.below("a/b", &query) {
            assert!(below.host() == read.host() && below.address() == read.address());
        }
    }
    // Whatever an agent writes, a request goes to what is below its connector's address.
    let base = "https://crm.example.com:8443/api/";
    if let Ok(own) = Destination::parse(base) {
        let query = [(String::new(), text.to_owned())];
        if let Ok(below) = own.below(text, &query) {
            let path = below.reveal().split('?').next().unwrap_or_default();
            assert!(path.starts_with(base) && !path.split('/').any(|part| part == ".."));
            if below.reveal().len() <= 2_000 {
                assert_eq!(Destination::parse(below.reveal()).as_ref(), Ok(&below));
            }
        }
        let request = ConnectorRequest {
            connector: "crm".to_owned(),
            method: Method::Get,
            path: text.to_owned(),
            query: Vec::new(),
            body: None,
        };
        // What is let through to a connector can be sent.
        assert!(sendable(&request).is_err() || own.below(text, &[]).is_ok());
    }
    let held = HeldSecret::new(text.to_owned());
    assert!(text.is_empty() || held.redact(text.to_owned()).contains("[secret]"));
    let another = HeldSecret::new("a-secret".to_owned());
    assert!(!another.redact(text.to_owned()).contains("a-secret"));
    if let Ok(range) = text.parse::<AddressRange>() {
        assert_eq!(range.to_string().parse::<AddressRange>(), Ok(range));
    }
    let _ = text.parse::<SigningSecret>();
}

/// A certificate with its key, in one file of PEM; and a certificate in DER. What is read says from when until when it holds.
pub fn certificates(bytes: &[u8]) {
    if let Ok(pair) = CertificatePair::read(bytes, bytes) {
        let _ = pair.holds_at(pair.until());
    }
    let _ = Validity::of(bytes);
}

/// What a registry answers, and what is said of it: a manifest, a challenge, a file of credentials, a reference. What is read names
/// no more than may be pulled, and a reference is written again alike.
pub fn registries(bytes: &[u8]) {
    if let Ok((layer, signature)) = manifest::read(bytes) {
        assert!(layer.size <= parloir_registry::COMPONENT_BYTES as u64);
        assert!(signature.is_none_or(|signature| signature.len() <= parloir_registry::SIGNATURE_BYTES + 2));
    }
    let _ = Credentials::of_docker(bytes, "registry.example.com");
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Challenge::read(text);
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse::<Reference>().as_ref(), Ok(&reference));
    }
}

/// A report of an attestation that somebody hands over: a page, and from the first line that begins with a brace on, its JSON file.
/// What is read is written so that it is read again; nothing is true that nobody signed.
pub fn reports(bytes: &[u8]) {
    let json_at = bytes.windows(2).position(|pair| pair == b"\n{").map_or(0, |line_end| line_end + 1);
    let (page, json) = bytes.split_at(json_at);
    if let Ok(report) = Report::parse(json) {
        assert!(Report::parse(&report.bytes()).is_ok());
    }
    if let Ok(page) = std::str::from_utf8(page) {
        assert!(parloir_attest::check(page, json, None).is_err());
    }
}

/// The keys of an issuer in the first line, and an ID token in the second. What is said of somebody is said of the issuer's own.
pub fn tokens(bytes: &[u8]) {
    let (first, rest) = bytes.split_at(bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len()));
    let Ok(keys) = KeySet::parse(first) else { return };
    let Ok(token) = std::str::from_utf8(rest) else { return };
    let expected = Expected { issuer: "https://id.example.com", audience: "parloir", client_id: "parloir" };
    if let Ok(claims) = keys.check(token.trim(), expected) {
        assert!(claims.are_of(&resource::Identity::Subject(claims.sub.clone())));
    }
}

/// The signature of an agent as its file or a header of HTTP has it, and the keys for it. What is read is written again alike, but
/// for the end of its last line.
pub fn agent_signatures(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(signature) = text.parse::<Signature>() {
        assert_eq!(signature.to_string().trim_end(), text.trim_end());
        assert_eq!(Signature::from_header(&signature.header()), Ok(signature));
    }
    if let Ok(signature) = Signature::from_header(text) {
        assert_eq!(signature.header(), text);
    }
    if let Ok(key) = text.parse::<AgentKey>() {
        assert_eq!(key.to_string(), text.trim());
    }
    if let Ok(key) = text.parse::<SigningFile>() {
        assert_eq!(key.reveal().trim_end(), text.trim_end());
    }
}

/// What a process of agents says to the host. What is believed holds no more values than were counted before it was read.
pub fn cordon_messages(bytes: &[u8]) {
    let count = values(bytes);
    assert!(count.is_none_or(|count| count <= bytes.len()));
    if read_up(bytes, &Settings::default()).is_ok() {
        assert!(count.is_some_and(|count| count <= MOST_VALUES));
    }
}

/// What a tenant gives as its agent, before anybody else reads it. Whatever is let through can be read to its end by what calls
/// itself for each type within another; what is refused is told why in few words.
pub fn components(bytes: &[u8]) {
    if let Err(why) = check_shape(bytes, &Settings::default()) {
        assert!(!why.is_empty() && why.len() < 200);
    }
}

/// What a process that compiles says to the host. What is believed of it is no more than was sent, and a sentence is one line.
pub fn compilations(bytes: &[u8]) {
    let Ok(Answer { said, .. }) = read_said(bytes) else { return };
    match said {
        Said::Compiled(code) => assert!(code.len() as u64 <= MOST_COMPILED && bytes.ends_with(&code)),
        Said::TooComplex(why) | Said::Refused(why) | Said::NotDone(why) => {
            // What is no text becomes a character of three bytes for each of its own.
            assert!(why.len() <= 3 * bytes.len() && !why.chars().any(char::is_control));
        }
        Said::OutOfMemory => {}
    }
}
