/* Has a path to a human, and does not hear that one is wanted. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    for (int i = 0; i < 10; i++) {
        parloir_reply reply;
        parloir_ask("Which of our products is it about?", &reply);
        if (reply.turn.kind == PARLOIR_HUNG_UP) return parloir_abandoned();
        if (reply.turn.kind == PARLOIR_SILENCE) break;
    }
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    (void)call;
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "deaf", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
