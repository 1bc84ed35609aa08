/* Waits 45 seconds for an answer. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    parloir_reply reply;
    parloir_ask("What is your account number?", &reply, .patience = 45000);
    if (reply.turn.kind == PARLOIR_HUNG_UP) return parloir_abandoned();
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "patient", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
