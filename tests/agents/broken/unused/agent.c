/* Asks for the tenant's memory, and never looks into it. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "unused", "0.1.0", .languages = {"en-GB"},
              .needs = PARLOIR_NEEDS_TRANSFER | PARLOIR_NEEDS_MEMORY);
