/* Fills a table of 2 MiB before its first word. */
#include <parloir.h>

static volatile unsigned char table[2 << 20];

static parloir_outcome answer(const parloir_call *call) {
    for (unsigned i = 0; i < sizeof table; i += 64) table[i] = 1;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    parloir_say(parloir_text("Hello, %s.", call->line));
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "hungry", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
