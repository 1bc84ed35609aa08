/* Waits 20 milliseconds for an answer, which is no question: the host refuses it. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    parloir_say("One question.");
    parloir_reply reply;
    parloir_ask("Yes or no?", &reply, .patience = 20);
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "impatient", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
