//! What a call may use, and what it has used.

use std::time::Duration;

use parloir_contract::{HostCall, HostReturn, Refusal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most memory one agent can have, in MiB: what the sandbox reserves for each instance.
pub const MEMORY_MIB: u32 = 64;

/// What becomes of a tenant's calls when a limit of its month is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AtCap {
    /// No agent answers any more: callers hear the house's sentence and go to the fallback number.
    #[default]
    Reject,
    /// Where tokens or costs are used up, agents answer without a model; where bytes to connectors and back are, without connectors.
    Degrade,
}

/// What becomes of a tenant's callers for whom there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    /// They hear that the lines are busy and go to the fallback number.
    #[default]
    Reject,
    /// They wait on the line until there is a place, the first that rang first.
    Queue,
}

/// What room there is on the disk for a tenant's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// For all of them.
    Enough,
    /// For what is written of calls, and for no recording: of this many bytes there are as many.
    NoRecording(u64),
    /// For no more calls: of this many bytes there are a quarter more.
    None(u64),
}

/// What one call, and all calls of a tenant together, may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Quota {
    /// Calls of the tenant at one time. Default 100.
    pub concurrent_calls: u32,
    /// The tenant's share of the installation's calls, against other tenants' weights. Default 1.
    pub weight: u32,
    /// Seconds of one call. Default 1800.
    pub call_seconds: u32,
    /// The agent's CPU milliseconds between two turns of the caller. Default 500.
    pub turn_cpu_ms: u32,
    /// The agent's CPU milliseconds in one call. Default 10,000.
    pub call_cpu_ms: u32,
    /// The agent's memory in MiB, at most [`MEMORY_MIB`]. Default 32.
    pub memory_mib: u32,
    /// Host calls of one call. Default 20,000.
    pub host_calls: u32,
    /// Host calls of one call in a second; those of one second may come at once. Default 1,000.
    pub host_calls_a_second: u32,
    /// Characters spoken in one call. Default 40,000.
    pub speech_characters: u32,
    /// Seconds of the caller's speech transcribed in one call. Default 1,200.
    pub transcribed_seconds: u32,
    /// Tokens read and written by models in one call. Default 100,000.
    pub model_tokens: u32,
    /// Bytes of keys and values that one call may store in memory, those written again included. Default 16,777,216.
    pub stored_bytes: u32,
    /// Bytes that what agents remember and their appointments may take in all calls together, as it rests: each key and value, and the
    /// 73 bytes that seal them. What is deleted, cancelled or erased makes room. Default 268,435,456.
    pub stored_bytes_in_all: u64,
    /// Bytes that one call may send to connectors and be answered by them. Default 4,194,304.
    pub egress_bytes: u32,
    /// Tokens read and written by models in a month of all its calls. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_tokens_a_month: Option<u64>,
    /// Seconds of callers' speech transcribed in a month. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcribed_seconds_a_month: Option<u64>,
    /// Characters spoken in a month. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_characters_a_month: Option<u64>,
    /// Bytes to connectors and back in a month. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_bytes_a_month: Option<u64>,
    /// The agents' CPU seconds in a month. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_seconds_a_month: Option<u64>,
    /// What providers may cost in a month, as far as they have prices, in units of any one currency. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_a_month: Option<u64>,
    /// Bytes on disk of the tenant's log and recordings. From there on nothing more is recorded, and from a quarter more no call is
    /// answered. What is erased counts no more. Left out: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_bytes: Option<u64>,
    /// What becomes of calls when a limit of the month is reached. Default `reject`.
    pub at_cap: AtCap,
    /// What becomes of callers for whom there is no place. Default `reject`.
    pub when_full: WhenFull,
    /// Callers that may wait at one time, where they queue. Default 10.
    pub queue_length: u32,
    /// Seconds that one of them may wait, before they go to the fallback number. Default 60.
    pub queue_seconds: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            concurrent_calls: 100,
            weight: 1,
            call_seconds: 1_800,
            turn_cpu_ms: 500,
            call_cpu_ms: 10_000,
            memory_mib: 32,
            host_calls: 20_000,
            host_calls_a_second: 1_000,
            speech_characters: 40_000,
            transcribed_seconds: 1_200,
            model_tokens: 100_000,
            stored_bytes: 16_777_216,
            stored_bytes_in_all: 268_435_456,
            egress_bytes: 4_194_304,
            model_tokens_a_month: None,
            transcribed_seconds_a_month: None,
            speech_characters_a_month: None,
            egress_bytes_a_month: None,
            cpu_seconds_a_month: None,
            cost_a_month: None,
            kept_bytes: None,
            at_cap: AtCap::Reject,
            when_full: WhenFull::Reject,
            queue_length: 10,
            queue_seconds: 60,
        }
    }
}

impl Quota {
    /// Whether calls can be made under it. A quota of 0 would refuse every call, and more memory
    /// than there is would be cut without a word: both are mistakes in the operator's file.
    pub fn validate(&self) -> Result<(), String> {
        let Self {
            concurrent_calls,
            weight,
            call_seconds,
            turn_cpu_ms,
            call_cpu_ms,
            memory_mib,
            host_calls,
            host_calls_a_second,
            speech_characters,
            transcribed_seconds,
            model_tokens,
            stored_bytes,
            stored_bytes_in_all,
            egress_bytes,
            model_tokens_a_month,
            transcribed_seconds_a_month,
            speech_characters_a_month,
            egress_bytes_a_month,
            cpu_seconds_a_month,
            cost_a_month,
            kept_bytes,
            at_cap: _,
            when_full: _,
            queue_length,
            queue_seconds,
        } = *self;
        let fields = [
            ("concurrent-calls", concurrent_calls),
            ("weight", weight),
            ("call-seconds", call_seconds),
            ("turn-cpu-ms", turn_cpu_ms),
            ("call-cpu-ms", call_cpu_ms),
            ("memory-mib", memory_mib),
            ("host-calls", host_calls),
            ("host-calls-a-second", host_calls_a_second),
            ("speech-characters", speech_characters),
            ("transcribed-seconds", transcribed_seconds),
            ("model-tokens", model_tokens),
            ("stored-bytes", stored_bytes),
            ("egress-bytes", egress_bytes),
        ];
        let of_all_calls = [
            ("model-tokens-a-month", model_tokens_a_month),
            ("transcribed-seconds-a-month", transcribed_seconds_a_month),
            ("speech-characters-a-month", speech_characters_a_month),
            ("egress-bytes-a-month", egress_bytes_a_month),
            ("cpu-seconds-a-month", cpu_seconds_a_month),
            ("cost-a-month", cost_a_month),
            ("stored-bytes-in-all", Some(stored_bytes_in_all)),
            ("kept-bytes", kept_bytes),
        ];
        let of_all_calls = of_all_calls.map(|(name, most)| (name, most.unwrap_or(u64::MAX)));
        let mut all = fields.map(|(name, value)| (name, u64::from(value))).into_iter().chain(of_all_calls);
        if let Some((name, _)) = all.find(|(_, value)| *value == 0) {
            return Err(format!(
                "quota: `{name}` is 0 and would refuse every call; write 1 or more, or leave it out for its default"
            ));
        }
        for (name, value) in [("queue-length", queue_length), ("queue-seconds", queue_seconds)] {
            if value == 0 {
                return Err(format!(
                    "quota: `{name}` is 0 and nobody could wait; write 1 or more, or `when-full = \"reject\"` for callers who do not"
                ));
            }
        }
        if memory_mib > MEMORY_MIB {
            return Err(format!(
                "quota: `memory-mib` is {memory_mib} and an agent can have {MEMORY_MIB}; write {MEMORY_MIB} or less"
            ));
        }
        Ok(())
    }

    /// Whether anything of a month is limited.
    pub fn is_limited_by_month(&self) -> bool {
        self.model_tokens_a_month.is_some()
            || self.transcribed_seconds_a_month.is_some()
            || self.speech_characters_a_month.is_some()
            || self.egress_bytes_a_month.is_some()
            || self.cpu_seconds_a_month.is_some()
            || self.cost_a_month.is_some()
    }

    /// What becomes of the tenant's calls, where its log and recordings take so many bytes on disk.
    pub fn room(&self, kept: u64) -> Room {
        match self.kept_bytes {
            Some(most) if kept >= most.saturating_add(most / 4) => Room::None(most),
            Some(most) if kept >= most => Room::NoRecording(most),
            Some(_) | None => Room::Enough,
        }
    }

    /// The longest a caller may wait for a place.
    pub fn queue_time(&self) -> Duration {
        Duration::from_secs(self.queue_seconds.into())
    }

    /// The longest a call may last.
    pub fn call_time(&self) -> Duration {
        Duration::from_secs(self.call_seconds.into())
    }
}

/// What a call has used: its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Used {
    /// Host calls made.
    pub host_calls: u32,
    /// Characters given to voices.
    pub speech_characters: u32,
    /// Milliseconds of speech given to transcribers.
    pub transcribed_ms: u64,
    /// Tokens read and written.
    pub model_tokens: u32,
    /// Bytes asked to be stored.
    pub stored_bytes: u64,
    /// Bytes to connectors and back.
    #[serde(default)]
    pub egress_bytes: u64,
}

impl Used {
    /// Charges a host call before it is carried out, or refuses it.
    pub fn charge(&mut self, call: &HostCall, quota: &Quota) -> Result<(), Refusal> {
        let over = |what: &str, limit: u64, field: &str| {
            Err(Refusal::OverQuota(format!(
                "the call has used its {limit} {what}: raise `{field}` of the tenant's quota"
            )))
        };
        if self.host_calls >= quota.host_calls {
            // Whoever is over it may still end the call.
            if matches!(call, HostCall::HangUp) {
                return Ok(());
            }
            return over("host calls", quota.host_calls.into(), "host-calls");
        }
        self.host_calls += 1;
        let characters = spoken_characters(call);
        if characters > 0 && !self.speaks(characters, quota.speech_characters) {
            return over("characters of speech", quota.speech_characters.into(), "speech-characters");
        }
        let listens = matches!(call, HostCall::Listen(_) | HostCall::Ask(_));
        if listens && !self.transcribes(quota) {
            return over("seconds of transcription", quota.transcribed_seconds.into(), "transcribed-seconds");
        }
        let asks_model = matches!(call, HostCall::Chat(_) | HostCall::Reply(_));
        if asks_model && self.model_tokens >= quota.model_tokens {
            return over("tokens", quota.model_tokens.into(), "model-tokens");
        }
        let stored = self.stored_bytes.saturating_add(stored_bytes(call));
        if stored > u64::from(quota.stored_bytes) {
            return over("bytes of memory", quota.stored_bytes.into(), "stored-bytes");
        }
        let HostCall::SendRequest(request) = call else {
            self.stored_bytes = stored;
            return Ok(());
        };
        let egress = self.egress_bytes.saturating_add(request.bytes());
        if egress > u64::from(quota.egress_bytes) {
            return over("bytes to connectors and back", quota.egress_bytes.into(), "egress-bytes");
        }
        self.egress_bytes = egress;
        Ok(())
    }

    /// Charges so many characters, where that does not go past the limit; says whether it did.
    pub fn speaks(&mut self, characters: u32, limit: u32) -> bool {
        let total = self.speech_characters.saturating_add(characters);
        let within = total <= limit;
        if within {
            self.speech_characters = total;
        }
        within
    }

    /// Whether more of a caller's speech may be transcribed.
    pub fn transcribes(&self, quota: &Quota) -> bool {
        self.transcribed_ms / 1_000 < u64::from(quota.transcribed_seconds)
    }

    /// Charges what came back: the answer that goes past the quota is the last.
    pub fn answered(&mut self, answer: &HostReturn) {
        if let HostReturn::SendRequest(Ok(answer)) = answer {
            self.egress_bytes = self.egress_bytes.saturating_add(answer.body.len() as u64);
        }
    }
}

/// Bytes that a host call has stored, where it is done.
pub fn stored_bytes(call: &HostCall) -> u64 {
    let (key, value) = match call {
        HostCall::SetMemory(set) => (&set.key, set.value.len()),
        HostCall::CompareAndSet(request) => (&request.key, request.value.len()),
        HostCall::Say(_)
        | HostCall::Ask(_)
        | HostCall::Play(_)
        | HostCall::Listen(_)
        | HostCall::Transfer(_)
        | HostCall::Consent(_)
        | HostCall::PauseRecording
        | HostCall::ResumeRecording
        | HostCall::HangUp
        | HostCall::ModelAvailable
        | HostCall::Chat(_)
        | HostCall::Reply(_)
        | HostCall::FreeSlots(_)
        | HostCall::Book(_)
        | HostCall::FindAppointments(_)
        | HostCall::MoveAppointment(_)
        | HostCall::CancelAppointment(_)
        | HostCall::GetMemory(_)
        | HostCall::DeleteMemory(_)
        | HostCall::ListDocuments
        | HostCall::ReadDocument(_)
        | HostCall::SearchDocuments(_)
        | HostCall::SetReport(_)
        | HostCall::Now
        | HostCall::Weekday
        | HostCall::Elapsed
        | HostCall::RandomBytes(_)
        | HostCall::Log(_)
        | HostCall::ListConnectors
        | HostCall::SendRequest(_)
        | HostCall::Understanding(_) => return 0,
    };
    (key.len() + value) as u64
}

fn spoken_characters(call: &HostCall) -> u32 {
    let text = match call {
        HostCall::Say(say) => say.text.as_str(),
        HostCall::Ask(ask) => ask.question.as_str(),
        HostCall::Transfer(transfer) => transfer.announce.as_deref().unwrap_or_default(),
        HostCall::Play(_)
        | HostCall::Listen(_)
        | HostCall::Consent(_)
        | HostCall::PauseRecording
        | HostCall::ResumeRecording
        | HostCall::HangUp
        | HostCall::ModelAvailable
        | HostCall::Chat(_)
        | HostCall::Reply(_)
        | HostCall::FreeSlots(_)
        | HostCall::Book(_)
        | HostCall::FindAppointments(_)
        | HostCall::MoveAppointment(_)
        | HostCall::CancelAppointment(_)
        | HostCall::GetMemory(_)
        | HostCall::SetMemory(_)
        | HostCall::CompareAndSet(_)
        | HostCall::DeleteMemory(_)
        | HostCall::ListDocuments
        | HostCall::ReadDocument(_)
        | HostCall::SearchDocuments(_)
        | HostCall::SetReport(_)
        | HostCall::Now
        | HostCall::Weekday
        | HostCall::Elapsed
        | HostCall::RandomBytes(_)
        | HostCall::Log(_)
        | HostCall::ListConnectors
        | HostCall::SendRequest(_)
        | HostCall::Understanding(_) => "",
    };
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use parloir_contract::{ConnectorAnswer, ConnectorRequest, Method, Say, SayOptions, SetMemory};

    use super::*;

    #[test]
    fn what_goes_to_connectors_and_comes_back_is_limited() {
        let quota = Quota { egress_bytes: 10, ..Quota::default() };
        let mut used = Used::default();
        let send = || {
            HostCall::SendRequest(ConnectorRequest {
                connector: "crm".into(),
                method: Method::Post,
                path: "a".into(),
                query: Vec::new(),
                body: Some("123".into()),
            })
        };
        assert!(used.charge(&send(), &quota).is_ok());
        used.answered(&HostReturn::SendRequest(Ok(ConnectorAnswer { status: 200, body: "12".into() })));
        used.answered(&HostReturn::SendRequest(Err(Refusal::Unavailable("late".into()))));
        assert!(used.charge(&send(), &quota).is_ok());
        assert_eq!(used.egress_bytes, 10);
        let refused = used.charge(&send(), &quota).unwrap_err().to_string();
        assert!(refused.contains("raise `egress-bytes` of the tenant's quota"), "{refused}");
        assert_eq!((used.egress_bytes, used.stored_bytes), (10, 0));
    }

    #[test]
    fn what_is_stored_again_counts_again_and_reading_is_free() {
        let quota = Quota { stored_bytes: 10, ..Quota::default() };
        let mut used = Used::default();
        let set = || HostCall::SetMemory(SetMemory { key: "who".into(), value: b"an".as_slice().into() });
        assert!(used.charge(&set(), &quota).is_ok());
        assert!(used.charge(&set(), &quota).is_ok());
        let refused = used.charge(&set(), &quota).unwrap_err().to_string();
        assert!(refused.contains("raise `stored-bytes`"), "{refused}");
        assert!(used.charge(&HostCall::GetMemory("who".into()), &quota).is_ok());
        assert_eq!(used.stored_bytes, 10);
    }

    #[test]
    fn what_is_kept_ends_recordings_first_and_calls_later() {
        let quota = Quota { kept_bytes: Some(1_000), ..Quota::default() };
        let table = [
            (0, Room::Enough),
            (999, Room::Enough),
            (1_000, Room::NoRecording(1_000)),
            (1_249, Room::NoRecording(1_000)),
            (1_250, Room::None(1_000)),
        ];
        for (kept, room) in table {
            assert_eq!(quota.room(kept), room, "{kept}");
        }
        assert_eq!(Quota::default().room(u64::MAX), Room::Enough);
    }

    #[test]
    fn what_was_written_before_a_quota_was_there_has_its_default() {
        let before: Quota = toml::from_str("concurrent-calls = 7\nstored-bytes = 1024").unwrap();
        let expected = Quota { concurrent_calls: 7, stored_bytes: 1_024, ..Quota::default() };
        assert_eq!(before, expected);
        assert_eq!((before.stored_bytes_in_all, before.kept_bytes), (268_435_456, None));
        assert_eq!((before.egress_bytes_a_month, before.cpu_seconds_a_month), (None, None));
    }

    #[test]
    fn a_queue_in_which_nobody_could_wait_is_a_mistake() {
        for (quota, name) in [
            (Quota { queue_length: 0, ..Quota::default() }, "`queue-length` is 0"),
            (Quota { queue_seconds: 0, ..Quota::default() }, "`queue-seconds` is 0"),
        ] {
            let problem = quota.validate().unwrap_err();
            assert!(problem.contains(name) && problem.contains("when-full"), "{problem}");
        }
        let quota: Quota =
            toml::from_str("when-full = \"queue\"\nqueue-length = 3\nqueue-seconds = 90").unwrap();
        assert_eq!((quota.when_full, quota.queue_length), (WhenFull::Queue, 3));
        assert_eq!(quota.queue_time(), Duration::from_secs(90));
        assert_eq!(Quota::default().when_full, WhenFull::Reject);
    }

    #[test]
    fn a_call_stops_at_its_quota_and_says_which() {
        let quota = Quota { host_calls: 3, speech_characters: 10, ..Quota::default() };
        let mut used = Used::default();
        let say = |n: usize| HostCall::Say(Say { text: "a".repeat(n), options: SayOptions::default() });
        assert!(used.charge(&say(8), &quota).is_ok());
        let refused = used.charge(&say(3), &quota).unwrap_err().to_string();
        assert!(refused.contains("speech-characters"), "{refused}");
        assert!(used.charge(&say(2), &quota).is_ok());
        let refused = used.charge(&HostCall::Now, &quota).unwrap_err().to_string();
        assert!(refused.contains("host-calls"), "{refused}");
        assert_eq!(used.speech_characters, 10);
        // What is refused is not charged, and what still fits is spoken.
        assert!(!used.speaks(u32::MAX, 12) && used.speaks(2, 12) && !used.speaks(1, 12));
        assert_eq!(used.speech_characters, 12);
    }

    #[test]
    fn past_its_seconds_a_call_is_transcribed_no_more() {
        let quota = Quota { transcribed_seconds: 2, ..Quota::default() };
        let used = |transcribed_ms| Used { transcribed_ms, ..Used::default() };
        assert!(used(0).transcribes(&quota) && used(1_999).transcribes(&quota));
        assert!(!used(2_000).transcribes(&quota));
        let listen = HostCall::Listen(parloir_contract::ListenOptions::default());
        assert!(used(1_999).charge(&listen, &quota).is_ok());
        let refused = used(2_000).charge(&listen, &quota).unwrap_err().to_string();
        assert!(refused.contains("raise `transcribed-seconds`"), "{refused}");
    }
}
