//! What a call used and what it cost, in words.

use parloir_journal::{Cost, Ledger, ProviderRole, ProviderUsed};

use crate::terminal::INDENT;

/// A call's ledger: one line, and below it one for each provider.
pub(super) fn words(ledger: &Ledger) -> String {
    let Ledger {
        talk_ms,
        agent_cpu_us,
        host_calls,
        transfers,
        stored_bytes,
        journal_bytes,
        recording_bytes,
        providers,
        costs,
        egress_bytes,
    } = ledger;
    let mut words = format!(
        "{} s, {host_calls} host calls, {} ms of the agent's CPU, {transfers} hand-over(s); {} stored, {} of journal, {} of recording",
        talk_ms / 1_000,
        agent_cpu_us / 1_000,
        bytes(*stored_bytes),
        bytes(*journal_bytes),
        bytes(*recording_bytes)
    );
    if *egress_bytes > 0 {
        words.push_str(&format!(", {} to connectors and back", bytes(*egress_bytes)));
    }
    for used in providers {
        words.push_str(&format!("\n{INDENT}{}", of_provider(used)));
    }
    if !providers.is_empty() {
        words.push_str(&format!("\n{INDENT}in sum: {}", in_sum(costs.as_deref())));
    }
    words
}

fn of_provider(used: &ProviderUsed) -> String {
    let ProviderUsed { provider, role, requests, input_tokens, output_tokens, estimated, .. } = used;
    let about = if *estimated { "about " } else { "" };
    let what = match role {
        ProviderRole::SpeechToText => format!("{} of speech recognised", seconds(used.audio_ms)),
        ProviderRole::TextToSpeech => format!("{} characters spoken", used.characters),
        ProviderRole::LanguageModel => {
            format!("{about}{input_tokens} tokens read and {output_tokens} written")
        }
        ProviderRole::Webhook => "handed over".to_owned(),
        ProviderRole::Connector => return format!("{provider}: asked in {requests} request(s)"),
    };
    let cost = used.cost.as_ref().map_or_else(|| "unknown".to_owned(), Cost::to_string);
    format!("{provider}: {what} in {requests} request(s): {cost}")
}

/// Costs in sum.
pub(crate) fn in_sum(costs: Option<&[Cost]>) -> String {
    match costs {
        None => "unknown, for a price is missing (`prices` of a [[provider]])".to_owned(),
        Some([]) => "nothing".to_owned(),
        Some(costs) => costs.iter().map(Cost::to_string).collect::<Vec<_>>().join(" and "),
    }
}

/// Milliseconds as seconds with one decimal.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

/// Bytes in the largest unit that they fill.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576.. => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_says_what_was_used_and_what_is_not_known() {
        let voice = ProviderUsed {
            provider: "voice".into(),
            role: ProviderRole::TextToSpeech,
            requests: 2,
            input_tokens: 0,
            output_tokens: 0,
            estimated: false,
            audio_ms: 0,
            characters: 120,
            cost: Some(Cost { currency: "EUR".into(), micros: 1_800 }),
        };
        let ears = ProviderUsed {
            provider: "ears".into(),
            role: ProviderRole::SpeechToText,
            audio_ms: 4_250,
            cost: None,
            ..voice.clone()
        };
        let ledger = Ledger {
            talk_ms: 61_000,
            stored_bytes: 2_048,
            providers: vec![ears, voice],
            ..Ledger::default()
        };
        let words = words(&ledger);
        assert!(words.starts_with("61 s, 0 host calls"), "{words}");
        assert!(words.contains("2 KiB stored"), "{words}");
        assert!(words.contains("ears: 4.2 s of speech recognised in 2 request(s): unknown"), "{words}");
        assert!(words.contains("voice: 120 characters spoken in 2 request(s): 0.001800 EUR"), "{words}");
        assert!(
            words.ends_with("in sum: unknown, for a price is missing (`prices` of a [[provider]])"),
            "{words}"
        );
    }
}
