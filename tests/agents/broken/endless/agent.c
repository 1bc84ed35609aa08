/* Asks a caller who says nothing again and again. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    for (;;) {
        parloir_reply reply;
        parloir_ask("Are you there?", &reply);
        if (reply.turn.kind == PARLOIR_HUNG_UP) return parloir_abandoned();
        if (reply.turn.kind == PARLOIR_SPEECH) break;
    }
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "endless", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
