/* Answers the telephone, and notes who wants to be called back. */

#include <parloir.h>

/* Any refusal of the host that is not dealt with: it looks after the caller. */
static parloir_outcome refused(void) { return parloir_failed(parloir_reason()); }

static parloir_outcome goodbye(void) {
    if (parloir_say("Très bien. Bonne journée, au revoir.")) return refused();
    if (parloir_report_status(PARLOIR_STATUS_RESOLVED)) return refused();
    parloir_hang_up();
    return parloir_done();
}

static parloir_outcome call_back(void) {
    if (parloir_say("C'est noté, on vous rappellera. Au revoir.")) return refused();
    if (parloir_report_status(PARLOIR_STATUS_CALL_BACK)) return refused();
    parloir_hang_up();
    return parloir_call_back();
}

static parloir_outcome hand_over(void) {
    parloir_handover handover;
    if (parloir_transfer("", "Je vous passe quelqu'un, ne quittez pas.", &handover)) return call_back();
    if (handover != PARLOIR_HANDOVER_ANSWERED) return call_back();
    if (parloir_report_status(PARLOIR_STATUS_HANDED_OVER)) return refused();
    return parloir_transferred();
}

static parloir_outcome answer(const parloir_call *call) {
    /* A call cut short files this. */
    if (parloir_report_status(PARLOIR_STATUS_ABANDONED)) return refused();
    const char *company = parloir_setting(call, "company.name");
    const char *hello =
        parloir_text("Bonjour, %s. Je suis un assistant vocal.", company ? company : "notre société");
    if (parloir_say(hello, .barge_in = PARLOIR_BARGE_IN_NEVER)) return refused();

    bool agreed = false;
    const parloir_end asked =
        parloir_ask_until_yes_no("Cet appel peut être enregistré. Êtes-vous d'accord ?", &agreed,
                                 .again = {"D'accord pour être enregistré, oui ou non ?"});
    if (asked == PARLOIR_END_HUNG_UP) return parloir_abandoned();
    if (asked == PARLOIR_END_REFUSED) return refused();
    /* Where the line leaves no choice, that is the host's word, and the call goes on. */
    parloir_consent(agreed);

    bool wanted = false;
    switch (parloir_ask_until_yes_no("Souhaitez-vous être rappelé ?", &wanted,
                                     .again = {"Voulez-vous qu'on vous rappelle, oui ou non ?"})) {
    case PARLOIR_END_ANSWER:
        if (!wanted) return goodbye();
        break;
    case PARLOIR_END_GOODBYE: return goodbye();
    case PARLOIR_END_HUNG_UP: return parloir_abandoned();
    case PARLOIR_END_REFUSED: return refused();
    case PARLOIR_END_HUMAN:
    case PARLOIR_END_SILENT:
    case PARLOIR_END_MISUNDERSTOOD: return hand_over();
    }

    parloir_caller_name name;
    const parloir_end named = parloir_ask_until_name("À quel nom, s'il vous plaît ?", &name,
                                                     .again = {"Épelez votre nom, s'il vous plaît."}, .tries = 2);
    if (named == PARLOIR_END_REFUSED) return refused();
    if (named == PARLOIR_END_ANSWER &&
        parloir_report_contact((parloir_contact){.name = name.text, .phone = call->caller}))
        return refused();
    return call_back();
}

PARLOIR_AGENT(answer, "{{name}}", "0.1.0", .languages = {"fr-FR"}, .needs = PARLOIR_NEEDS_TRANSFER);
