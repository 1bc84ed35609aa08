//! What must not reach a provider is taken out before the request is made.

mod digits;

use std::cell::Cell;

use parloir_contract::{HostCall, Message};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use digits::Run;

/// A kind of personal data a line keeps from language models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Payment card numbers: 13 to 19 digits that pass the Luhn check, also between other numbers.
    CardNumbers,
    /// Telephone numbers: 9 digits or more in a row.
    PhoneNumbers,
    /// E-mail addresses.
    EmailAddresses,
}

/// Takes the line's categories out of what a host call would send to a language model. Says how
/// many places were replaced.
pub fn minimise(call: &mut HostCall, categories: &[Category]) -> usize {
    let (messages, tools) = match call {
        HostCall::Chat(chat) => (&mut chat.messages, &mut chat.options.tools),
        HostCall::Reply(reply) => (&mut reply.messages, &mut reply.options.tools),
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
        | HostCall::Log(_)
        | HostCall::ListConnectors
        // Connectors are the tenant's own, and may need what no model does.
        | HostCall::SendRequest(_)
        | HostCall::Understanding(_) => return 0,
    };
    let replaced = Cell::new(0);
    let without = |text: &mut String, categories: &[Category]| {
        let (cleaned, n) = redact(text, categories);
        if n > 0 {
            *text = cleaned;
            replaced.set(replaced.get() + n);
        }
    };
    let clean = |text: &mut String| without(text, categories);
    // What a model calls its calls may have as many digits as a telephone number, and must stay one and the same.
    let cards: Vec<Category> = categories.iter().copied().filter(|c| *c == Category::CardNumbers).collect();
    let mark = |id: &mut String| without(id, &cards);
    for message in messages {
        match message {
            Message::System(text) | Message::User(text) => clean(text),
            Message::Assistant { text, tool_calls } => {
                clean(text);
                for call in tool_calls {
                    clean(&mut call.name);
                    clean(&mut call.arguments);
                    mark(&mut call.id);
                }
            }
            Message::Tool { id, content } => {
                clean(content);
                mark(id);
            }
        }
    }
    // A model reads what its tools are for as it reads the conversation.
    for tool in tools {
        clean(&mut tool.name);
        clean(&mut tool.description);
        clean(&mut tool.parameters);
    }
    replaced.get()
}

/// The text without the categories, and how many places were replaced.
pub fn redact(text: &str, categories: &[Category]) -> (String, usize) {
    let mut out = String::with_capacity(text.len());
    let mut replaced = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() || first == '+' {
            let run = Run::at_start_of(rest);
            let (shown, after) = rest.split_at_checked(run.end).unwrap_or((rest, ""));
            replaced += run.write_redacted(shown, categories, &mut out);
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

fn is_email(word: &str) -> bool {
    word.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.') && host.len() > 3)
}

#[cfg(test)]
mod tests {
    use parloir_contract::{Chat, ChatOptions, Tool, ToolCall};
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
            ("4111 1111 1111 1111 12/25", "[card] 12/25"),
            ("le 12 4111 1111 1111 1111", "le 12 [card]"),
            ("4111, 1111, 1111, 1111, merci", "[card], merci"),
            ("4111  1111 _ 1111/1111", "4111  1111 _ 1111/1111"),
            ("4111  1111__1111/1111", "[card]"),
            ("41 11 11 11 11 11 11 11, expire 12 25", "[card], expire 12 25"),
            // Where numbers overlap, all of it goes.
            ("x41111111111111111225", "x[card]5"),
            ("4111 1111 1111 1111 3782 822463 10005", "[card]"),
            ("06 12 34 56 78, 06 98 76 54 32", "[phone], [phone]"),
            ("0612345678 0698765432", "[phone] [phone]"),
            ("12, 06 12 34 56 78", "12, [phone]"),
            ("06 12 34 56 78 4111 1111 1111 1111", "[phone] [card]"),
            ("+33 6 12 34 56 78, 06 98 76 54 32", "[phone], [phone]"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text, ALL).0, expected);
        }
    }

    #[test]
    fn what_is_no_card_is_kept_where_only_cards_are_taken_out() {
        let cards = &[Category::CardNumbers];
        for text in ["4111 1111 1111 1112", "06 12 34 56 78, 06 98 76 54 32", "0612345678 0698765432"] {
            assert_eq!(redact(text, cards), (text.to_owned(), 0));
        }
    }

    #[test]
    fn what_tools_are_for_is_read_by_the_model_too() {
        let card = "4111 1111 1111 1111".to_owned();
        let tool = Tool {
            name: "pay".into(),
            description: card.clone(),
            parameters: format!("{{\"x\":\"{card}\"}}"),
        };
        let options = ChatOptions { tools: vec![tool], ..ChatOptions::default() };
        let mut call = HostCall::Chat(Chat { messages: vec![Message::User(card.clone())], options });
        assert_eq!(minimise(&mut call, ALL), 3);
        assert!(!format!("{call:?}").contains(&card));
    }

    #[test]
    fn names_and_identifiers_are_read_by_the_model_too_and_those_of_calls_stay_what_they_are() {
        let card = "4111 1111 1111 1111".to_owned();
        let calls = |id: &str, name: &str| {
            let call = ToolCall { id: id.into(), name: name.into(), arguments: "{}".into() };
            let asked = Message::Assistant { text: String::new(), tool_calls: vec![call] };
            let messages = vec![asked, Message::Tool { id: id.into(), content: "oui".into() }];
            let tool = Tool { name: name.into(), description: String::new(), parameters: "{}".into() };
            let options = ChatOptions { tools: vec![tool], ..ChatOptions::default() };
            HostCall::Chat(Chat { messages, options })
        };
        let mut call = calls(&card, &card);
        assert_eq!(minimise(&mut call, ALL), 4);
        assert!(!format!("{call:?}").contains(&card));
        let mut usual = calls("call_0612345678", "look_up");
        assert_eq!((minimise(&mut usual, ALL), &usual), (0, &calls("call_0612345678", "look_up")));
    }

    proptest! {
        #[test]
        fn a_card_is_found_between_any_other_numbers(
            before in proptest::collection::vec(0u32..100_000_000, 0..5),
            after in proptest::collection::vec(0u32..100_000_000, 0..5),
            card in 0usize..3,
            separator in 0usize..5,
            glued in any::<bool>(),
        ) {
            let cards = [
                ["4970", "1012", "3456", "7893"].as_slice(),
                ["5555", "5555", "5555", "4444"].as_slice(),
                ["3782", "822463", "10005"].as_slice(),
            ];
            let separator = [" ", ", ", "-", "/", "\u{a0}"][separator];
            let card = cards[card].join(if glued { "" } else { separator });
            let mut parts: Vec<String> = before.iter().map(u32::to_string).collect();
            parts.push(card.clone());
            parts.extend(after.iter().map(u32::to_string));
            let text = parts.join(separator);
            let cleaned = redact(&text, &[Category::CardNumbers]).0;
            prop_assert!(!cleaned.contains(&card), "{} became {}", text, cleaned);
            prop_assert!(cleaned.contains("[card]"));
        }

        #[test]
        fn any_text_is_taken(text in "[0-9 ,./+é-]{0,80}") {
            redact(&text, ALL);
        }

        #[test]
        fn without_categories_nothing_changes(text in ".{0,200}") {
            prop_assert_eq!(redact(&text, &[]), (text, 0));
        }
    }
}
