//! Conversations in French.

use parloir_agent::Outcome;
use parloir_agent::report::Status;
use parloir_agent::understanding::Moment;

use super::host::Does::{HangsUp, Interrupts, Nothing, Presses, Says};
use super::host::scene;

#[test]
fn an_appointment_is_made_in_one_go() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui, d'accord, j'accepte.")),
        ("Que puis-je faire", Says("Bonjour, je voudrais prendre un rendez-vous, s'il vous plaît.")),
        ("motif", Says("C'est pour un contrôle annuel.")),
        ("Quel jour", Says("Mardi matin, si c'est possible.")),
        ("mardi 24 novembre à 9 heures, ou à 10 heures", Says("Je prends le deuxième.")),
        ("À quel nom", Says("Je m'appelle Dupont, D, U, P, O, N, T.")),
        ("Dupont, D, U, P, O, N, T", Says("Oui.")),
        ("numéro d'où vous appelez", Says("Oui.")),
        ("mardi 24 novembre à 10 heures, au nom de Dupont", Says("Oui, tout à fait.")),
        ("autre chose", Says("Merci beaucoup, au revoir.")),
    ]);
    assert_eq!(call.outcome, Outcome::Done);
    let telephone = call.telephone;
    assert_eq!(telephone.consents, [true]);
    let booked = telephone.booked.first().expect("an appointment");
    assert_eq!(booked.motive, "un contrôle annuel");
    assert_eq!(
        (booked.contact.name.as_str(), booked.contact.phone.as_deref()),
        ("Dupont", Some("+33612345678"))
    );
    assert_eq!(Moment::from(booked.slot.start), Moment::new(2026, 11, 24, 10, 0));
    assert!(telephone.has_said("référence est A, 7, K, 2, P, 9"));
    assert_eq!(telephone.status(), Some(Status::Booked));
    assert!(telephone.summary().contains("mardi 24 novembre à 10 heures"), "{}", telephone.summary());
    assert!(telephone.said[0].contains("intelligence artificielle"));
    assert!(telephone.hung_up);
}

#[test]
fn the_very_time_asked_for_is_offered_alone() {
    let call = scene().goes(&[
        ("d'être enregistré", Presses("1")),
        ("Que puis-je faire", Says("Je voudrais un rendez-vous pour un vaccin")),
        ("Quel jour", Says("Le 12 à 15 h 30.")),
        ("J'ai samedi 12 décembre à 15 heures 30. Cela vous convient", Says("Parfait")),
        ("À quel nom", Says("Jean Martin")),
        ("Jean Martin", Says("Oui")),
        ("numéro d'où", Says("oui oui")),
        ("Je récapitule", Says("Oui")),
        ("autre chose", Says("Non merci")),
    ]);
    let booked = call.telephone.booked.first().expect("an appointment");
    assert_eq!(Moment::from(booked.slot.start), Moment::new(2026, 12, 12, 15, 30));
    assert_eq!(booked.motive, "un vaccin");
}

#[test]
fn offers_are_refused_until_one_suits() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Non, je préfère ne pas être enregistré.")),
        ("Que puis-je faire", Says("Un rendez-vous")),
        ("motif", Says("Mal de dos")),
        ("Quel jour", Says("La semaine prochaine, n'importe quel jour sauf le mercredi.")),
        ("lundi 23 novembre à 9 heures", Says("Aucun des deux, vous avez autre chose ?")),
        ("lundi 23 novembre à 10 heures 30", Says("Plutôt jeudi après-midi, après quinze heures.")),
        ("jeudi 26 novembre à 15 heures 30, ou à 16 heures 30", Says("Le premier créneau me convient.")),
        ("À quel nom", Says("Morel")),
        ("Morel", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("jeudi 26 novembre à 15 heures 30, au nom de Morel", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    assert_eq!(call.telephone.consents, [false]);
    assert!(call.telephone.has_said("rien ne sera enregistré"));
    assert_eq!(call.telephone.booked.len(), 1);
}

#[test]
fn a_taken_slot_is_replaced() {
    let call = scene().with(|t| t.taken.push("1124-0900".to_owned())).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Je voudrais un rendez-vous mardi matin")),
        ("motif", Says("Un certificat")),
        ("mardi 24 novembre à 9 heures", Says("Le premier")),
        ("À quel nom", Says("Morel")),
        ("Morel", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("Je récapitule", Says("Oui")),
        ("mardi 24 novembre à 10 heures, ou à 10 heures 30", Says("Le premier")),
        ("mardi 24 novembre à 10 heures, au nom de Morel", Says("Oui")),
        ("autre chose", Says("Non, merci, au revoir")),
    ]);
    assert!(call.telephone.has_said("vient d'être pris"));
    assert_eq!(call.telephone.booked.len(), 1);
}

#[test]
fn a_withheld_number_is_asked_and_read_back() {
    let call = scene().from(None).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous demain à dix heures")),
        ("motif", Says("Un suivi")),
        // Sundays are closed: what is nearest.
        ("Je n'ai rien à ce moment-là. J'ai", Says("le premier")),
        ("À quel nom", Says("Lefèvre")),
        ("Lefèvre", Says("Oui")),
        ("numéro de téléphone", Says("Mon numéro, c'est le zéro six, douze, trente-quatre.")),
        ("chiffre par chiffre", Says("zéro six, douze, trente-quatre, cinquante-six, soixante-dix-neuf")),
        ("06, 12, 34, 56, 79", Says("Non")),
        ("numéro de téléphone", Presses("0612345678")),
        ("06, 12, 34, 56, 78", Says("C'est ça")),
        ("Je récapitule", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    let booked = call.telephone.booked.first().expect("an appointment");
    assert_eq!(booked.contact.phone.as_deref(), Some("+33612345678"));
}

#[test]
fn a_misheard_name_is_spelled() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Je voudrais un rendez-vous le plus tôt possible")),
        ("motif", Says("Contrôle")),
        ("J'ai lundi 23 novembre à 9 heures", Says("Le premier")),
        ("À quel nom", Says("Du pont")),
        ("Pont", Says("Non")),
        ("lettre par lettre", Says("D, U, P, O, N, T")),
        ("D, U, P, O, N, T", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("au nom de Dupont", Says("Oui")),
        ("autre chose", Nothing),
        ("besoin d'autre chose", Nothing),
    ]);
    assert_eq!(call.telephone.booked.first().map(|a| a.contact.name.as_str()), Some("Dupont"));
    assert_eq!(call.outcome, Outcome::Done);
}

#[test]
fn a_correction_in_the_answer_is_taken() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous lundi matin pour une consultation")),
        ("J'ai lundi 23", Says("le deuxième")),
        ("À quel nom", Says("Martin")),
        ("J'ai noté Martin", Says("Non, c'est Morin")),
        ("J'ai noté Morin", Says("Oui")),
        ("numéro d'où", Says("Non, c'est le 06 99 88 77 66")),
        ("06, 99, 88, 77, 66", Says("Exactement")),
        ("Je récapitule", Says("Non, plutôt jeudi")),
        ("jeudi 26 novembre", Says("Le premier")),
        ("Je récapitule : jeudi 26 novembre", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    let booked = call.telephone.booked.first().expect("an appointment");
    assert_eq!(
        (booked.contact.name.as_str(), booked.contact.phone.as_deref()),
        ("Morin", Some("+33699887766"))
    );
}

#[test]
fn an_appointment_is_cancelled() {
    let call = scene().having(26, 11, 9, 30).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Je voudrais annuler mon rendez-vous.")),
        ("Vous avez rendez-vous jeudi 26 novembre à 9 heures 30. Je l'annule", Says("Oui")),
        ("autre chose", Says("Non merci")),
    ]);
    assert_eq!(call.telephone.cancelled, ["B2611X"]);
    assert_eq!(call.telephone.status(), Some(Status::Resolved));
}

#[test]
fn an_appointment_is_moved_to_the_day_named() {
    let call = scene().having(26, 11, 9, 30).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Est-ce que je peux déplacer mon rendez-vous à vendredi ?")),
        ("J'ai vendredi 27 novembre à 9 heures, ou à 10 heures", Says("dix heures")),
        ("Je le déplace à vendredi 27 novembre à 10 heures", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    let moved = call.telephone.booked.first().expect("an appointment");
    assert_eq!(Moment::from(moved.slot.start), Moment::new(2026, 11, 27, 10, 0));
    assert_eq!(call.telephone.status(), Some(Status::Booked));
}

#[test]
fn one_of_several_appointments_is_cancelled() {
    let call = scene().having(26, 11, 9, 30).having(3, 12, 11, 0).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Je ne pourrai pas venir, il faut annuler")),
        ("plusieurs rendez-vous", Says("Celui de décembre, le deuxième")),
        ("jeudi 3 décembre à 11 heures. Je l'annule", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    assert_eq!(call.telephone.cancelled, ["B0312X"]);
}

#[test]
fn the_hours_are_told_and_the_caller_leaves() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Quels sont vos horaires d'ouverture ?")),
        ("du lundi au vendredi, de 9 heures à 18 heures", Says("Merci beaucoup, au revoir.")),
    ]);
    assert_eq!(call.outcome, Outcome::Done);
    assert_eq!(call.telephone.status(), Some(Status::Resolved));
}

#[test]
fn the_caller_changes_his_mind_in_the_middle() {
    let call = scene().having(26, 11, 9, 30).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous")),
        ("motif", Says("En fait je voudrais annuler mon rendez-vous")),
        ("Je l'annule", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    assert_eq!(call.telephone.cancelled.len(), 1);
}

#[test]
fn who_hesitates_is_given_time_and_who_interrupts_is_heard() {
    let call = scene().goes(&[
        ("d'être enregistré", Interrupts("Acceptez-vous", "Oui oui")),
        ("Que puis-je faire", Says("Un rendez-vous")),
        ("motif", Says("Pardon, vous pouvez répéter ?")),
        ("motif", Says("Un contrôle")),
        ("Quel jour", Says("Euh, alors, attendez, je regarde mon agenda.")),
        ("Prenez votre temps", Says("Mardi en huit, le matin")),
        ("mardi premier décembre", Interrupts("J'ai mardi", "Attendez")),
        ("Prenez votre temps", Says("Répétez s'il vous plaît")),
        ("J'ai mardi premier décembre à 9 heures 30, ou à 11 heures", Says("à onze heures")),
        ("À quel nom", Says("Durand")),
        ("Durand", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("Je récapitule", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    let booked = call.telephone.booked.first().expect("an appointment");
    assert_eq!(Moment::from(booked.slot.start), Moment::new(2026, 12, 1, 11, 0));
}

#[test]
fn a_reference_that_was_not_heard_is_said_again() {
    let call =
        scene().with(|t| t.cuts.push(("Votre référence est", "C'est réservé :", "D'accord, merci"))).goes(&[
            ("d'être enregistré", Says("Oui")),
            ("Que puis-je faire", Says("Un rendez-vous lundi à 9 heures pour un contrôle")),
            ("J'ai lundi 23 novembre à 9 heures. Cela", Says("Oui")),
            ("À quel nom", Says("Durand")),
            ("Durand", Says("Oui")),
            ("numéro d'où", Says("Oui")),
            ("Je récapitule", Says("Oui")),
            ("autre chose", Says("Non")),
        ]);
    assert!(call.telephone.has_said("lundi 23 novembre à 9 heures, référence A, 7, K, 2, P, 9."));
}

#[test]
fn a_caller_who_hangs_up_leaves_what_was_known() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous mardi matin pour un contrôle")),
        ("J'ai mardi", Says("Le premier")),
        ("À quel nom", Says("Durand")),
        ("Durand", Says("Oui")),
        ("numéro d'où", HangsUp),
    ]);
    assert_eq!(call.outcome, Outcome::Abandoned);
    assert_eq!(call.telephone.status(), Some(Status::Abandoned));
    assert_eq!(call.telephone.contact().map(|c| c.name), Some("Durand".to_owned()));
    assert!(call.telephone.summary().contains("un contrôle"));
}

#[test]
fn earlier_later_and_another_day_move_the_search() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous jeudi pour un contrôle")),
        ("jeudi 26 novembre à 9 heures", Says("Vous n'avez rien de plus tôt ?")),
        ("lundi 23 novembre à 9 heures", Says("Un autre jour")),
        ("mardi 24 novembre à 9 heures", Says("Plutôt l'après-midi")),
        ("mardi 24 novembre à 14 heures", Says("Le dernier")),
        ("À quel nom", Says("Durand")),
        ("Durand", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("mardi 24 novembre à 15 heures 30", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    assert_eq!(call.telephone.booked.len(), 1);
}

#[test]
fn what_a_small_recogniser_wrote_is_enough_for_an_appointment() {
    let call = scene().from(None).goes(&[
        ("d'être enregistré", Says("oui")),
        ("Que puis-je faire", Says("Bonjour, je voudrais prendre un rendez-vous s'il vous plaît.")),
        ("motif", Says("C'est pour un contrôle annuel. C'est pour un contrôle annuel. C'est pour un")),
        ("Quel jour", Says("Le 12 à 15,30.")),
        ("samedi 12 décembre à 15 heures 30", Says("aucun des deux vous avez autre chose")),
        ("Je n'ai rien à ce moment-là. J'ai samedi 12 décembre", Says("Plutôt jeudi après midi, après 15h.")),
        ("jeudi 26 novembre à 15 heures 30", Says("Le premier crénome convient.")),
        ("À quel nom", Says("Je m'appelle Du Pond, D.I.P.R.O.N.T.")),
        ("C'est bien ça", Says("Non, c'est Dupont, D-U-P-O-N-T.")),
        ("D, U, P, O, N, T", Says("Oui d'accord, j'accepte.")),
        (
            "numéro de téléphone",
            Says("Mon numéro, c'est le 06 12 34 56 78. Mon numéro, c'est le 06 12 34 56 78. Mon numéro, c'est le 06"),
        ),
        ("06, 12, 34, 56, 78", Says("oui")),
        ("jeudi 26 novembre à 15 heures 30, au nom de Dupont", Says("oui")),
        ("autre chose", Says("Merci beaucoup, revoir.")),
    ]);
    let booked = call.telephone.booked.first().expect("an appointment");
    assert_eq!((booked.contact.name.as_str(), booked.motive.as_str()), ("Dupont", "un contrôle annuel"));
    assert_eq!(booked.contact.phone.as_deref(), Some("+33612345678"));
}

#[test]
fn a_day_given_for_a_motive_is_a_wish() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous")),
        ("motif", Says("Mardi matin")),
        ("J'ai mardi 24 novembre à 9 heures", Says("Le premier")),
        ("À quel nom", Says("C'est Durand, merci.")),
        ("Durand", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("Je récapitule", Says("Non")),
        ("Que faut-il changer", Says("Rien, laissez tomber.")),
        ("Très bien, je ne réserve rien. Puis-je faire autre chose", Says("Non")),
    ]);
    assert!(call.telephone.booked.is_empty());
}

#[test]
fn who_only_wanted_the_hours_says_no_and_leaves() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("C'est quoi l'adresse ?")),
        ("12 rue des Lilas. Puis-je faire autre chose", Says("Et vous fermez à quelle heure ?")),
        ("9 heures à 18 heures. Puis-je faire autre chose", Says("Non merci")),
    ]);
    assert_eq!(call.outcome, Outcome::Done);
}

#[test]
fn to_name_the_task_again_is_a_yes_and_to_name_another_changes_it() {
    let cancelled = scene().having(26, 11, 9, 30).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Annuler mon rendez-vous")),
        ("Je l'annule", Says("Annulez-le")),
        ("C'est annulé. Puis-je faire autre chose", Says("Non")),
    ]);
    assert_eq!(cancelled.telephone.cancelled.len(), 1);
    let moved = scene().having(26, 11, 9, 30).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Annuler mon rendez-vous")),
        ("Je l'annule", Says("Non, en fait je voudrais le déplacer à vendredi")),
        ("Vous avez rendez-vous jeudi 26 novembre à 9 heures 30. J'ai vendredi 27", Says("Le premier")),
        ("Je le déplace à vendredi 27 novembre à 9 heures", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    assert!(moved.telephone.cancelled.is_empty());
    let start = moved.telephone.booked.first().expect("an appointment").slot.start;
    assert_eq!(Moment::from(start), Moment::new(2026, 11, 27, 9, 0));
}
