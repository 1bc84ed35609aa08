/* Counts to many before its first word. */
#include <parloir.h>

static volatile unsigned counted;

__attribute__((constructor)) static void count(void) {
    for (unsigned i = 0; i < 30000000; i++) counted += i;
}

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "slow", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
