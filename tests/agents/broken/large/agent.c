/* Begins with a table of 40 MiB. */
#include <parloir.h>

static unsigned char table[40 << 20];

static parloir_outcome answer(const parloir_call *call) {
    table[call->started_at.minute] = 1;
    parloir_handover handover;
    parloir_transfer("", parloir_text("%d", table[call->started_at.hour]), &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "large", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
