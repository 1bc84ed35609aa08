//! Conversations in English.

use parloir_agent::Outcome;
use parloir_agent::report::Status;
use parloir_agent::understanding::Moment;

use super::host::Does::Says;
use super::host::scene;

#[test]
fn an_appointment_is_made_on_an_english_line() {
    let call = scene().on_a_line_in("en-GB").from(None).goes(&[
        ("be recorded", Says("Yes.")),
        ("What can I do", Says("Hello, I would like to book an appointment, please.")),
        ("What is it for", Says("It's for a check-up")),
        ("Which day", Says("Tuesday morning, if that is possible.")),
        (
            "Tuesday the 24th of November at 9 in the morning, or at 10 in the morning",
            Says("The first one is fine."),
        ),
        ("What name", Says("My name is Carter, C, A, R, T, E, R.")),
        ("C, A, R, T, E, R", Says("That's right")),
        ("telephone number", Says("My number is zero six, twelve, thirty four, fifty six, seventy eight.")),
        ("0 6, 1 2, 3 4, 5 6, 7 8", Says("Yes")),
        ("in the name of Carter", Says("Yes please")),
        ("anything else", Says("No thank you, goodbye.")),
    ]);
    assert_eq!(call.outcome, Outcome::Done);
    let booked = call.telephone.booked.first().expect("an appointment");
    assert_eq!(
        (booked.contact.name.as_str(), booked.contact.phone.as_deref()),
        ("Carter", Some("+33612345678"))
    );
    assert_eq!(booked.motive, "a check-up");
    assert!(call.telephone.languages.iter().all(|language| language == "en-GB"));
}

#[test]
fn an_english_caller_on_a_french_line_is_answered_in_english() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Hello, I would like to book an appointment, please.")),
        ("What is it for", Says("a vaccination")),
        ("Which day", Says("The twelfth at half past three in the afternoon.")),
        ("Saturday the 12th of December at half past 3", Says("Yes")),
        ("What name", Says("Carter")),
        ("I have Carter", Says("Yes")),
        ("number you are calling from", Says("Yes")),
        ("Shall I book", Says("Yes")),
        ("anything else", Says("No")),
    ]);
    let booked = call.telephone.booked.first().expect("an appointment");
    assert_eq!(Moment::from(booked.slot.start), Moment::new(2026, 12, 12, 15, 30));
    assert_eq!(call.telephone.languages.first().map(String::as_str), Some("fr-FR"));
    assert_eq!(call.telephone.languages.last().map(String::as_str), Some("en-GB"));
}

#[test]
fn who_asks_for_english_gets_it() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Do you speak English?")),
        ("be recorded", Says("No, I would rather not be recorded.")),
        ("What can I do", Says("What are your opening hours?")),
        ("Monday to Friday, nine to six", Says("Thank you, goodbye.")),
    ]);
    assert_eq!(call.telephone.consents, [false]);
    assert_eq!(call.telephone.status(), Some(Status::Resolved));
}

#[test]
fn an_appointment_is_cancelled_in_english() {
    let call = scene().on_a_line_in("en-GB").having(26, 11, 9, 30).goes(&[
        ("be recorded", Says("Sure")),
        ("What can I do", Says("I need to cancel my appointment.")),
        (
            "Thursday the 26th of November at half past 9 in the morning. Shall I cancel it",
            Says("Yes please"),
        ),
        ("anything else", Says("That's all")),
    ]);
    assert_eq!(call.telephone.cancelled, ["B2611X"]);
}

#[test]
fn a_real_person_is_put_on() {
    let call = scene()
        .on_a_line_in("en-GB")
        .goes(&[("be recorded", Says("Yes")), ("What can I do", Says("Can I speak to a real person?"))]);
    assert_eq!(call.outcome, Outcome::Transferred);
    assert_eq!(call.telephone.transfers, [""]);
    assert_eq!(call.telephone.status(), Some(Status::HandedOver));
}
