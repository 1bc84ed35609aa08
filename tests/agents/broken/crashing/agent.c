/* Believes that somebody always answers. */
#include <assert.h>

#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    parloir_reply reply;
    parloir_ask("How can I help?", &reply);
    assert(reply.turn.kind == PARLOIR_SPEECH);
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "crashing", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
