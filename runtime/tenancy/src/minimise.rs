//! What must not reach a provider is taken out before the request is made.

use parloir_contract::{HostCall, Message};
use serde::{Deserialize, Serialize};

/// A kind of personal data a line keeps from language models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Payment card numbers: 13 to 19 digits that pass the Luhn check.
    CardNumbers,
    /// Telephone numbers: 9 to 15 digits.
    PhoneNumbers,
    /// E-mail addresses.
    EmailAddresses,
}

/// Takes the line's categories out of what a host call would send to a language model. Says how
/// many places were replaced.
pub fn minimise(call: &mut HostCall, categories: &[Category]) -> usize {
    let messages = match call {
        HostCall::Chat(chat) => &mut chat.messages,
        HostCall::Reply(reply) => &mut reply.messages,
        HostCall::Say(_)
        | HostCall::Play(_)
        | HostCall::Listen(_)
        | HostCall::Ask(_)
        | HostCall::Transfer(_)
        | HostCall::Consent(_)
        | HostCall::PauseRecording
        | HostCall::ResumeRecording
        | HostCall::HangUp
        | HostCall::ModelAvailable
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
        | HostCall::Log(_) => return 0,
    };
    let mut replaced = 0;
    let mut clean = |text: &mut String| {
        let (cleaned, n) = redact(text, categories);
        if n > 0 {
            *text = cleaned;
            replaced += n;
        }
    };
    for message in messages {
        match message {
            Message::System(text) | Message::User(text) => clean(text),
            Message::Assistant { text, tool_calls } => {
                clean(text);
                tool_calls.iter_mut().for_each(|call| clean(&mut call.arguments));
            }
            Message::Tool { id: _, content } => clean(content),
        }
    }
    replaced
}

/// The text without the categories, and how many places were replaced.
pub fn redact(text: &str, categories: &[Category]) -> (String, usize) {
    let mut out = String::with_capacity(text.len());
    let mut replaced = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() || first == '+' {
            let (run, digits) = digit_run(rest);
            let card = (13..=19).contains(&digits.len()) && luhn(&digits);
            let mark = if card && categories.contains(&Category::CardNumbers) {
                Some("[card]")
            } else if (9..=15).contains(&digits.len()) && categories.contains(&Category::PhoneNumbers) {
                Some("[phone]")
            } else {
                None
            };
            let (shown, after) = rest.split_at_checked(run).unwrap_or((rest, ""));
            out.push_str(mark.unwrap_or(shown));
            replaced += usize::from(mark.is_some());
            rest = after;
            continue;
        }
        let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, after) = rest.split_at_checked(word_end).unwrap_or((rest, ""));
        if categories.contains(&Category::EmailAddresses) && is_email(word) {
            out.push_str("[email]");
            replaced += 1;
            rest = after;
        } else {
            // Up to the next digit of this word, so that "n°4111…" is still seen.
            let stop = word
                .char_indices()
                .skip(1)
                .find(|(_, c)| c.is_ascii_digit() || *c == '+')
                .map_or(word_end, |(i, _)| i);
            let (shown, after) = rest.split_at_checked(stop).unwrap_or((rest, ""));
            out.push_str(shown);
            rest = after;
        }
    }
    (out, replaced)
}

/// The longest run of digits with single separators between them: its length in bytes, its digits.
fn digit_run(text: &str) -> (usize, Vec<u8>) {
    let mut digits = Vec::new();
    let mut end = 0;
    let mut gap = 0;
    for (at, c) in text.char_indices() {
        match c {
            '0'..='9' => {
                digits.push(u8::try_from(u32::from(c) - u32::from('0')).unwrap_or(0));
                end = at + 1;
                gap = 0;
            }
            '+' if at == 0 => end = 1,
            ' ' | '.' | '-' | '\u{a0}' | '\u{202f}' if gap == 0 => gap = 1,
            _ => break,
        }
    }
    (end.max(1), digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(*d);
            if i % 2 == 0 {
                d
            } else if d > 4 {
                d * 2 - 9
            } else {
                d * 2
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && host.len() > 3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: &[Category] = &[Category::CardNumbers, Category::PhoneNumbers, Category::EmailAddresses];

    #[test]
    fn what_must_not_leave_is_replaced() {
        let cases = [
            ("ma carte 4111 1111 1111 1111 merci", "ma carte [card] merci"),
            ("n°4111-1111-1111-1111.", "n°[card]."),
            ("appelez le 06 12 34 56 78", "appelez le [phone]"),
            ("+33612345678 ou a.b@exemple.fr", "[phone] ou [email]"),
            ("le 12 à 15 h 30", "le 12 à 15 h 30"),
            ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text, ALL).0, expected);
        }
    }

    proptest! {
        #[test]
        fn without_categories_nothing_changes(text in ".{0,200}") {
            prop_assert_eq!(redact(&text, &[]), (text, 0));
        }
    }
}
