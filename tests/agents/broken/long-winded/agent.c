/* Says more in one breath than anybody listens to. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_report_status(PARLOIR_STATUS_ABANDONED);
    parloir_consent(true);
    parloir_say("Welcome to the house, where we sell and repair bicycles of every kind, for the town and for the country, for the road and for the mountains, with one wheel, two wheels, three wheels or four, for one person or for two, with a motor or without, and where our opening hours are from nine to twelve and from two to six on every day of the week but Sunday.");
    parloir_handover handover;
    parloir_transfer("", NULL, &handover);
    return parloir_transferred();
}

PARLOIR_AGENT(answer, "long-winded", "0.1.0", .languages = {"en-GB"}, .needs = PARLOIR_NEEDS_TRANSFER);
