/* No path to a human, nothing reported, nobody asked about recording. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    parloir_say("We are closed. Goodbye.");
    parloir_hang_up();
    return parloir_done();
}

PARLOIR_AGENT(answer, "alone", "0.1.0", .languages = {"en-GB"});
