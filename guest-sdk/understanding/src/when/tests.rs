//! Wishes, as they are written in these tables: `first day..day no longer wanted`, weekdays,
//! `earliest-latest`, `@time asked for`; `any` for no constraint, `none` for no wish.

use super::*;

/// A Saturday evening.
fn now() -> Moment {
    Moment::new(2026, 11, 21, 18, 0)
}

fn written(wish: Option<When>) -> String {
    let Some(wish) = wish else { return "none".to_owned() };
    let date = |date: Option<Date>| {
        date.map_or(String::new(), |d| {
            if d.year == 2026 {
                format!("{}/{}", d.day, d.month)
            } else {
                format!("{}/{}/{}", d.day, d.month, d.year)
            }
        })
    };
    let time = |minutes: Option<u16>| minutes.map_or(String::new(), |m| format!("{}:{:02}", m / 60, m % 60));
    let mut parts = Vec::new();
    if wish.from.is_some() || wish.until.is_some() {
        parts.push(format!("{}..{}", date(wish.from), date(wish.until)));
    }
    if !wish.weekdays.is_empty() {
        let names: Vec<String> =
            wish.weekdays.iter().map(|d| format!("{d:?}").chars().take(2).collect()).collect();
        parts.push(names.join(","));
    }
    if wish.earliest.is_some() || wish.latest.is_some() {
        parts.push(format!("{}-{}", time(wish.earliest), time(wish.latest)));
    }
    if let Some(at) = wish.at {
        parts.push(format!("@{}", time(Some(at))));
    }
    if parts.is_empty() { "any".to_owned() } else { parts.join(" ") }
}

fn check(language: Language, rows: &[(&str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(text, expected)| (text, expected, written(when(text, language, now()))))
        .filter(|(_, expected, found)| *expected != found)
        .map(|(text, expected, found)| format!("{text:?}: expected {expected:?}, found {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn french_days() {
    check(
        Language::French,
        &[
            ("mardi", "Tu"),
            ("Mardi, si c'est possible.", "Tu"),
            ("mardi ou jeudi", "Tu,Th"),
            ("les mardis", "Tu"),
            ("mardi prochain", "24/11..25/11"),
            ("mardi en huit", "1/12..2/12"),
            ("mardi de la semaine prochaine", "23/11..30/11 Tu"),
            ("samedi prochain", "28/11..29/11"),
            ("ce mardi", "24/11..25/11"),
            ("aujourd'hui", "21/11..22/11"),
            ("demain", "22/11..23/11"),
            ("après-demain", "23/11..24/11"),
            ("apres demain", "23/11..24/11"),
            ("le 12", "12/12..13/12"),
            ("le douze", "12/12..13/12"),
            ("le 24", "24/11..25/11"),
            ("le 12 décembre", "12/12..13/12"),
            ("le 12 décembre 2026", "12/12..13/12"),
            ("le premier décembre", "1/12..2/12"),
            ("le 1er décembre", "1/12..2/12"),
            ("le 12/12", "12/12..13/12"),
            ("mardi 24", "24/11..25/11"),
            ("mardi vingt-quatre novembre", "24/11..25/11"),
            ("le 5 janvier", "5/1/2027..6/1/2027"),
            ("le 12 ou le 13", "12/12..14/12"),
            ("dans trois jours", "24/11..25/11"),
            ("dans huit jours", "28/11..29/11"),
            ("dans quinze jours", "5/12..6/12"),
            ("dans deux semaines", "30/11..7/12"),
            ("la semaine prochaine", "23/11..30/11"),
            ("cette semaine", "21/11..23/11"),
            ("la semaine du 7", "7/12..14/12"),
            ("en fin de semaine prochaine", "26/11..30/11"),
            ("début décembre", "1/12..11/12"),
            ("à partir de décembre", "1/12.."),
            ("la première semaine de décembre", "1/12..8/12"),
            ("la dernière semaine de décembre", "25/12..1/1/2027"),
            ("en décembre", "1/12..1/1/2027"),
            ("le mois prochain", "1/12..1/1/2027"),
            ("fin novembre", "21/11..1/12"),
            ("à partir de mardi", "24/11.."),
            ("à partir du 12", "12/12.."),
            ("après le 12", "13/12.."),
            ("avant vendredi", "..27/11"),
            ("d'ici vendredi", "..28/11"),
            ("dès lundi", "23/11.."),
            ("du lundi au mercredi", "Mo,Tu,We"),
            ("entre mardi et jeudi", "Tu,We,Th"),
            ("entre le 7 et le 10", "7/12..11/12"),
            ("en semaine", "Mo,Tu,We,Th,Fr"),
        ],
    );
}

#[test]
fn french_exclusions() {
    check(
        Language::French,
        &[
            ("La semaine prochaine, n'importe quel jour sauf le mercredi.", "23/11..30/11 Mo,Tu,Th,Fr,Sa,Su"),
            ("sauf le lundi et le mardi", "We,Th,Fr,Sa,Su"),
            ("pas le mercredi", "Mo,Tu,Th,Fr,Sa,Su"),
            ("pas mercredi, plutôt jeudi", "Th"),
            ("je ne peux pas le mardi", "Mo,We,Th,Fr,Sa,Su"),
            ("mardi je ne peux pas", "Mo,We,Th,Fr,Sa,Su"),
            ("Mardi, ça ne me convient pas, mais jeudi oui", "Th"),
            ("pas le matin", "12:00-"),
            ("pas l'après-midi", "-12:00"),
            ("pas demain", "23/11.."),
            ("pas cette semaine", "23/11.."),
        ],
    );
}

#[test]
fn french_times() {
    check(
        Language::French,
        &[
            ("Mardi matin, si c'est possible.", "Tu -12:00"),
            ("plutôt l'après-midi", "12:00-18:00"),
            ("Plutôt jeudi après-midi, après quinze heures.", "Th 15:00-18:00"),
            ("Plutôt jeudi après-midi, après 15h.", "Th 15:00-18:00"),
            ("jeudi après midi après trois heures", "Th 15:00-18:00"),
            ("Demain à dix heures.", "22/11..23/11 @10:00"),
            ("Demain à 10h", "22/11..23/11 @10:00"),
            ("demain a 10", "22/11..23/11 @10:00"),
            ("Le douze à quinze heures trente.", "12/12..13/12 @15:30"),
            ("le 12 à 15 h 30", "12/12..13/12 @15:30"),
            ("Le 12 à 15h30.", "12/12..13/12 @15:30"),
            ("le 12 à 15 heures 30", "12/12..13/12 @15:30"),
            ("le 12, 15:30", "12/12..13/12 @15:30"),
            ("à dix heures et demie", "@10:30"),
            ("dix heures et quart", "@10:15"),
            ("onze heures moins le quart", "@10:45"),
            ("onze heures moins dix", "@10:50"),
            ("midi et demi", "@12:30"),
            ("à trois heures", "@15:00"),
            ("à trois heures et demie de l'après-midi", "@15:30"),
            ("huit heures du matin", "@8:00"),
            ("à sept heures du soir", "@19:00"),
            ("après 17 heures", "17:00-"),
            ("à partir de 14h", "14:00-"),
            ("avant onze heures", "-11:00"),
            ("entre 10 et 12 heures", "10:00-12:00"),
            ("entre dix et douze", "10:00-12:00"),
            ("entre dix heures et midi", "10:00-12:00"),
            ("de 9h à 11h", "9:00-11:00"),
            ("vers 10 heures", "@10:00"),
            ("pas avant dix heures", "10:00-"),
            ("en fin de journée", "17:00-"),
            ("en fin d'après-midi", "16:00-19:00"),
            ("en début d'après-midi", "12:00-15:00"),
            ("entre midi et deux", "12:00-14:00"),
            ("le matin ou l'après-midi", "-18:00"),
            ("ce soir", "21/11..22/11 17:00-"),
            ("mardi en fin de matinée", "Tu 10:30-13:00"),
            ("le plus tôt possible", "any"),
            ("Quand vous voulez", "any"),
            ("n'importe quand", "any"),
        ],
    );
}

#[test]
fn french_without_a_wish() {
    check(
        Language::French,
        &[
            ("", "none"),
            ("Bonjour, je voudrais prendre un rendez-vous, s'il vous plaît.", "none"),
            ("Le premier créneau me convient.", "none"),
            ("Je prends le deuxième.", "none"),
            ("Aucun des deux, vous avez autre chose ?", "none"),
            ("Oui.", "none"),
            ("C'est pour un contrôle annuel.", "none"),
            ("J'ai deux enfants", "none"),
            ("J'ai très mal depuis hier soir, c'est urgent.", "none"),
            ("ça dure depuis lundi", "none"),
            ("depuis trois jours", "none"),
            ("Depuis hier j'ai mal, demain c'est possible ?", "22/11..23/11"),
            ("Quels sont vos horaires d'ouverture ?", "none"),
        ],
    );
}

#[test]
fn english_days() {
    check(
        Language::English,
        &[
            ("Tuesday", "Tu"),
            ("Tuesday or Thursday", "Tu,Th"),
            ("next Tuesday", "24/11..25/11"),
            ("a week on Tuesday", "1/12..2/12"),
            ("Tuesday week", "1/12..2/12"),
            ("today", "21/11..22/11"),
            ("tomorrow", "22/11..23/11"),
            ("the day after tomorrow", "23/11..24/11"),
            ("the twelfth", "12/12..13/12"),
            ("the 12th of December", "12/12..13/12"),
            ("December 12th", "12/12..13/12"),
            ("December the twelfth", "12/12..13/12"),
            ("12 December", "12/12..13/12"),
            ("the first of December", "1/12..2/12"),
            ("Tuesday the 24th", "24/11..25/11"),
            ("next week", "23/11..30/11"),
            ("the week after next", "30/11..7/12"),
            ("Tuesday next week", "23/11..30/11 Tu"),
            ("in two weeks", "30/11..7/12"),
            ("in three days", "24/11..25/11"),
            ("next month", "1/12..1/1/2027"),
            ("early December", "1/12..11/12"),
            ("after the 12th", "13/12.."),
            ("before Friday", "..27/11"),
            ("by Friday", "..28/11"),
            ("from Tuesday", "24/11.."),
            ("between Tuesday and Thursday", "Tu,We,Th"),
            ("Monday to Wednesday", "Mo,Tu,We"),
            ("any day except Wednesday", "Mo,Tu,Th,Fr,Sa,Su"),
            ("next week, any day but Wednesday", "23/11..30/11 Mo,Tu,Th,Fr,Sa,Su"),
            ("not on Wednesday", "Mo,Tu,Th,Fr,Sa,Su"),
            ("I can't do Tuesday", "Mo,We,Th,Fr,Sa,Su"),
            ("Tuesday doesn't work", "Mo,We,Th,Fr,Sa,Su"),
            ("not tomorrow", "23/11.."),
        ],
    );
}

#[test]
fn english_times() {
    check(
        Language::English,
        &[
            ("Tuesday morning, if that is possible.", "Tu -12:00"),
            ("The twelfth at half past three in the afternoon.", "12/12..13/12 @15:30"),
            ("the 12th at 3.30pm", "12/12..13/12 @15:30"),
            ("the 12th at 3:30 p.m.", "12/12..13/12 @15:30"),
            ("tomorrow at ten", "22/11..23/11 @10:00"),
            ("tomorrow at 10 a.m.", "22/11..23/11 @10:00"),
            ("at three thirty", "@15:30"),
            ("quarter past ten", "@10:15"),
            ("a quarter to four", "@15:45"),
            ("twenty past nine", "@9:20"),
            ("ten o'clock", "@10:00"),
            ("noon", "@12:00"),
            ("3 pm", "@15:00"),
            ("rather in the afternoon", "12:00-18:00"),
            ("Thursday afternoon, after three", "Th 15:00-18:00"),
            ("after 3pm", "15:00-"),
            ("before eleven", "-11:00"),
            ("between ten and twelve", "10:00-12:00"),
            ("from 9 to 11", "9:00-11:00"),
            ("not before ten", "10:00-"),
            ("late afternoon", "16:00-19:00"),
            ("first thing in the morning", "-10:00"),
            ("as soon as possible", "any"),
            ("any time", "any"),
            ("any time after two", "14:00-"),
            ("I have a meeting at ten so after eleven", "11:00-"),
        ],
    );
}

#[test]
fn english_without_a_wish() {
    check(
        Language::English,
        &[
            ("", "none"),
            ("Hello, I would like to book an appointment, please.", "none"),
            ("The first one is fine.", "none"),
            ("The second", "none"),
            ("Good morning.", "none"),
            ("My name is Carter", "none"),
            ("I have two children", "none"),
            ("It hurts since last night", "none"),
            ("I fell yesterday morning", "none"),
            ("since Monday", "none"),
        ],
    );
}

#[test]
fn a_newer_wish_replaces_only_what_it_speaks_of() {
    let read = |text: &str| when(text, Language::French, now()).unwrap_or_default();
    assert_eq!(written(Some(read("mardi").then(&read("plutôt l'après-midi")))), "Tu 12:00-18:00");
    assert_eq!(written(Some(read("mardi matin").then(&read("plutôt jeudi")))), "Th -12:00");
    assert_eq!(written(Some(read("mardi matin").then(&read("n'importe quand")))), "Tu -12:00");
    assert_eq!(written(Some(read("le 12 à 15h30").around(60))), "12/12..13/12 14:30-16:31");
    assert_eq!(written(Some(read("le 12 à 15h30").any_time())), "12/12..13/12");
}

#[test]
fn a_wish_tells_which_moments_suit() {
    let wish = when("jeudi après-midi, après 15 heures", Language::French, now()).unwrap_or_default();
    for (moment, fits) in [
        (Moment::new(2026, 11, 26, 15, 0), true),
        (Moment::new(2026, 12, 3, 17, 30), true),
        (Moment::new(2026, 11, 26, 14, 45), false),
        (Moment::new(2026, 11, 27, 15, 0), false),
    ] {
        assert_eq!(wish.fits(moment), fits, "{moment:?}");
    }
}
