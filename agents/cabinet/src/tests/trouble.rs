//! Calls that do not go as they should.

use parloir_agent::report::Status;
use parloir_agent::{Outcome, Refusal, Transferred};

use super::host::Does::{self, HangsUp, Nothing, Presses, Says};
use super::host::scene;

#[test]
fn a_human_who_is_busy_rings_back() {
    let call = scene().with(|t| t.transfer = Ok(Transferred::NoAnswer)).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Je voudrais parler à quelqu'un, une vraie personne.")),
        ("Voulez-vous qu'on vous rappelle", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("À quel nom", Says("Durand")),
        ("Durand", Says("Oui")),
    ]);
    assert_eq!(call.outcome, Outcome::CallBack);
    assert_eq!(call.telephone.status(), Some(Status::CallBack));
    assert_eq!(call.telephone.contact().and_then(|c| c.phone), Some("+33612345678".to_owned()));
    assert!(call.telephone.hung_up);
}

#[test]
fn who_wants_no_call_back_is_let_go() {
    let refused = Err(Refusal::Unavailable("no way to transfer".to_owned()));
    let call = scene().with(|t| t.transfer = refused).goes(&[
        ("d'être enregistré", Says("Non")),
        ("Que puis-je faire", Presses("0")),
        ("Voulez-vous qu'on vous rappelle", Says("Non merci")),
    ]);
    assert_eq!(call.outcome, Outcome::Abandoned);
    assert_eq!(call.telephone.status(), Some(Status::Abandoned));
}

#[test]
fn repeated_misunderstanding_ends_with_a_human() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Blabla")),
        ("pas bien compris", Says("Gloubi")),
        ("toujours pas compris", Says("Boulga")),
    ]);
    assert_eq!(call.outcome, Outcome::Transferred);
    assert!(call.telephone.has_said("Je vous passe quelqu'un"));
}

#[test]
fn silence_is_asked_about_and_then_let_go() {
    let call = scene().goes(&[
        ("d'être enregistré", Nothing),
        ("soit enregistré", Nothing),
        ("Que puis-je faire", Nothing),
        ("Que souhaitez-vous", Nothing),
        ("toujours là", Nothing),
    ]);
    assert_eq!(call.telephone.consents, [false]);
    assert_eq!(call.outcome, Outcome::Abandoned);
    assert!(call.telephone.has_said("Je n'entends plus rien"));
    assert!(call.telephone.hung_up);
}

#[test]
fn invented_subtitles_are_silence() {
    let call = scene().goes(&[
        ("Acceptez-vous", Says("Sous-titres réalisés par la communauté d'Amara.org")),
        ("soit enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Merci d'avoir regardé cette vidéo !")),
        ("Que souhaitez-vous", HangsUp),
    ]);
    assert_eq!(call.telephone.consents, [true]);
    assert_eq!(call.outcome, Outcome::Abandoned);
}

#[test]
fn a_life_in_danger_comes_before_everything() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Mon mari ne respire plus !")),
        ("passe quelqu'un", Says("Oui, vite")),
    ]);
    assert!(call.telephone.has_said("appelez le 15 ou le 112"));
    assert_eq!(call.outcome, Outcome::Transferred);
    assert_eq!(call.telephone.consents, [false]);
    assert!(call.telephone.summary().contains("Urgence vitale"));
}

#[test]
fn an_urgent_motive_is_offered_a_human_and_then_the_first_slots() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("J'ai très mal depuis hier soir, c'est urgent.")),
        ("passe quelqu'un", Says("Non")),
        ("J'ai lundi 23 novembre à 9 heures, ou à 10 heures", Says("Le premier")),
        ("À quel nom", Says("Durand")),
        ("Durand", Says("Oui")),
        ("numéro d'où", Says("Oui")),
        ("Je récapitule", Says("Oui")),
        ("autre chose", Says("Non")),
    ]);
    assert!(call.telephone.has_said("Si votre état s'aggrave, appelez le 15 ou le 112"));
    assert_eq!(call.telephone.booked.len(), 1);
}

#[test]
fn off_the_subject_is_declined_without_a_model() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Est-ce que vous vendez des billets de train ?")),
        ("Je ne peux pas vous renseigner là-dessus. Je peux prendre", Says("Alors au revoir")),
    ]);
    assert_eq!(call.outcome, Outcome::Done);
    assert_eq!(call.telephone.status(), Some(Status::Abandoned));
}

#[test]
fn off_the_subject_is_answered_by_the_model_and_brought_back() {
    let answer = "Le cabinet ne vend pas de billets de train.";
    let call = scene().with(|t| t.model = Some(answer)).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Est-ce que vous vendez des billets de train ?")),
        ("Je peux prendre, déplacer ou annuler", Says("Au revoir")),
    ]);
    assert!(call.telephone.has_said(answer));
    assert_eq!(call.telephone.asked_model, ["Est-ce que vous vendez des billets de train ?"]);
}

#[test]
fn without_a_calendar_a_human_takes_over() {
    let call = scene().with(|t| t.no_calendar = true).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous mardi pour un contrôle")),
    ]);
    assert!(call.telephone.has_said("souci technique"));
    assert_eq!(call.outcome, Outcome::Transferred);
}

#[test]
fn a_line_that_always_records_goes_on() {
    let call = scene()
        .with(|t| t.no_consent = true)
        .goes(&[("d'être enregistré", Says("Oui")), ("Que puis-je faire", Says("Au revoir"))]);
    assert_eq!(call.outcome, Outcome::Done);
}

#[test]
fn a_full_calendar_ends_with_a_human() {
    let call = scene().with(|t| t.free.clear()).goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Un rendez-vous mardi pour un contrôle")),
    ]);
    assert!(call.telephone.has_said("aucun créneau libre"));
    assert_eq!(call.outcome, Outcome::Transferred);
}

#[test]
fn an_unknown_number_has_no_appointment() {
    let call = scene().goes(&[
        ("d'être enregistré", Says("Oui")),
        ("Que puis-je faire", Says("Je voudrais annuler mon rendez-vous.")),
        ("Je ne trouve pas", Says("Oui")),
        ("numéro de téléphone", Says("06 99 88 77 66")),
        ("06, 99, 88, 77, 66", Says("Oui")),
        ("Je ne trouve pas", Says("Non")),
        ("passe quelqu'un", Says("Non")),
        ("autre chose", Says("Non")),
    ]);
    assert_eq!(call.telephone.cancelled, [""; 0]);
}

#[test]
fn who_hangs_up_at_once_leaves_a_report() {
    let call = scene().goes(&[("d'être enregistré", HangsUp)]);
    assert_eq!(call.outcome, Outcome::Abandoned);
    assert_eq!(call.telephone.status(), Some(Status::Abandoned));
    assert!(call.telephone.consents.is_empty());
}

#[test]
fn no_caller_keeps_the_line_for_ever() {
    let stubborn: [Does; 12] = [
        Says("Oui"),
        Says("Non"),
        Says("Pardon ?"),
        Says("Attendez"),
        Says("Un rendez-vous mardi"),
        Says("Je voudrais annuler mon rendez-vous"),
        Says("Aucun des deux"),
        Says("Plus tard"),
        Says("Quels sont vos horaires ?"),
        Says("Do you speak English?"),
        Says("Est-ce que vous vendez des billets de train ?"),
        Presses("1"),
    ];
    for does in stubborn {
        for transfer in [Ok(Transferred::Answered), Ok(Transferred::Busy)] {
            let call = scene()
                .having(26, 11, 9, 30)
                .with(|t| {
                    t.model = Some("Je ne sais pas.");
                    t.transfer = transfer;
                    t.forever = Some(does.clone());
                })
                .goes(&[]);
            assert!(call.telephone.said.len() < 200, "{does:?}: {}", call.telephone.said.len());
        }
    }
}
