/* Says who it is, but not in which languages. */
#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    (void)call;
    return parloir_done();
}

PARLOIR_AGENT(answer, "nameless", "0.1.0");
