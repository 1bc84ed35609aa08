//! What a small recogniser wrote for callers on a telephone line, mistakes and all, is acted upon.

use parloir_understanding::{
    Choice, Date, Intent, Language, Moment, Weekday, When, choice, intents, is_noise, name, phone, when,
    yes_no,
};

const FRENCH: Language = Language::French;
const ENGLISH: Language = Language::English;
const HOME: &str = "+33123456789";

/// A Saturday evening.
fn now() -> Moment {
    Moment::new(2026, 11, 21, 18, 0)
}

fn wish(text: &str, language: Language) -> When {
    when(text, language, now()).unwrap_or_default()
}

#[test]
fn wishes() {
    assert_eq!(wish("Mardi matin si c'est possible.", FRENCH).weekdays, [Weekday::Tuesday]);
    let thursday = wish("Plutôt jeudi après midi, après 15h.", FRENCH);
    assert_eq!(
        (thursday.weekdays.as_slice(), thursday.earliest),
        ([Weekday::Thursday].as_slice(), Some(900))
    );
    let twelfth = Some(Date::new(2026, 12, 12));
    for (text, language) in
        [("Le 12 à 15,30.", FRENCH), ("The 12th at half passed three in the afternoon.", ENGLISH)]
    {
        let found = wish(text, language);
        assert_eq!((found.from, found.at), (twelfth, Some(930)), "{text}");
    }
    // The hour is lost; the day is not.
    assert_eq!(wish("Demain d'hizer.", FRENCH).from, Some(Date::new(2026, 11, 22)));
    let week = wish("La semaine prochaine n'importe quel jour sauf le mercredi.", FRENCH);
    assert!(!week.weekdays.contains(&Weekday::Wednesday) && week.weekdays.len() == 6);
    assert_eq!(wish("Tuesday morning if that is possible.", ENGLISH).latest, Some(720));
}

#[test]
fn numbers_said_over_and_over() {
    for (text, language) in [
        (
            "Mon numéro, c'est le 06 12 34 56 78. Mon numéro, c'est le 06 12 34 56 78. Mon numéro, c'est le 06 12 34 \
             56 78. Mon numéro, c'est le 06 12 34 56 78. Mon numéro, c'est le 06 12 34",
            FRENCH,
        ),
        ("My number is 06, 1234 56 78.", ENGLISH),
    ] {
        assert_eq!(phone(text, language, HOME).as_deref(), Some("+33612345678"), "{text}");
        assert!(!is_noise(text), "{text}");
    }
}

#[test]
fn names_said_over_and_over() {
    let text = "My name is Carter, C-A-R-T-E-R. My name is Carter, C-A-R-T-E-R. My name is Carter, C-A-R-T-";
    assert_eq!(name(text, ENGLISH).map(|name| name.text).as_deref(), Some("Carter"));
    // Wrong letters are still letters: whoever asked reads them back.
    let misheard = name("Je m'appelle Du Pond, D.I.P.R.O.N.T.", FRENCH);
    assert!(misheard.is_some_and(|name| name.spelled));
}

#[test]
fn answers() {
    for (text, language, answer) in [
        ("oui", FRENCH, Some(true)),
        ("Oui d'accord, j'accepte.", FRENCH, Some(true)),
        ("Non.", FRENCH, Some(false)),
        ("Non, je préfère ne pas être enregistré.", FRENCH, Some(false)),
        ("Yes. Yes.", ENGLISH, Some(true)),
        ("No, I would rather not be recorded. No,", ENGLISH, Some(false)),
    ] {
        assert_eq!(yes_no(text, language), answer, "{text}");
    }
}

#[test]
fn choices() {
    let offers = [Moment::new(2026, 11, 24, 9, 0), Moment::new(2026, 11, 26, 15, 30)];
    for (text, language, expected) in [
        ("Le premier crénome convient.", FRENCH, Choice::This(0)),
        ("Je prends le deuxième.", FRENCH, Choice::This(1)),
        ("aucun des deux vous avez autre chose", FRENCH, Choice::Neither),
        ("The first one is fine.", ENGLISH, Choice::This(0)),
    ] {
        assert_eq!(choice(text, language, &offers, now()), expected, "{text}");
    }
}

#[test]
fn wants() {
    for (text, language, first) in [
        ("Bonjour, je voudrais prendre un rendez-vous s'il vous plaît.", FRENCH, Some(Intent::Appointment)),
        ("J'ai très mal depuis hier soir, c'est urgent.", FRENCH, Some(Intent::Urgent)),
        ("Je voudrais s'annuler mon rendez-vous.", FRENCH, Some(Intent::Cancel)),
        ("Est-ce que je peux déplacer mon rendez-vous à vendredi ?", FRENCH, Some(Intent::Move)),
        ("Quelles sont vos horaires d'ouverture ?", FRENCH, Some(Intent::Hours)),
        ("Je voudrais parler à quelqu'un une vraie personne.", FRENCH, Some(Intent::Human)),
        ("Pardon, vous pouvez répéter.", FRENCH, Some(Intent::Repeat)),
        ("Et alors, attendez, je regarde mon agenda.", FRENCH, Some(Intent::Wait)),
        ("Est-ce que vous venez des billets de train ?", FRENCH, None),
        ("Hello, I would like to book an appointment, please.", ENGLISH, Some(Intent::Appointment)),
        ("Can I speak to a real person?", ENGLISH, Some(Intent::Human)),
        ("I need to cancel my appointment.", ENGLISH, Some(Intent::Cancel)),
    ] {
        assert_eq!(intents(text, language).first().copied(), first, "{text}");
    }
    assert!(intents("Merci beaucoup, revoir.", FRENCH).contains(&Intent::Goodbye));
    assert!(intents("Thank you, goodbye.", ENGLISH).contains(&Intent::Goodbye));
}
