/* Reaches for standard output. */
#include <stdio.h>

#include <parloir.h>

static parloir_outcome answer(const parloir_call *call) {
    puts(call->id);
    return parloir_done();
}

PARLOIR_AGENT(answer, "wasi", "0.1.0", .languages = {"en-GB"});
