/* Overruns its buffers, uses what it freed, reads what it never wrote and formats what it was told: it spoils its own memory,
 * and there is nobody else's in it. */
#include <stdlib.h>
#include <string.h>

#include <parloir.h>

/* What another agent may have left, letter by letter, so that it is not itself in this memory. */
static bool is_canary(const volatile char *at) {
    static const char mixed[] = {'C' ^ 1, 'A' ^ 1, 'N' ^ 1, 'A' ^ 1, 'R' ^ 1, 'Y' ^ 1};
    for (unsigned i = 0; i < sizeof mixed; i++)
        if (at[i] != (mixed[i] ^ 1)) return false;
    return true;
}

/* The frames of functions that are over, as far down as this stack goes. */
static __attribute__((noinline)) bool on_the_stack(void) {
    volatile char never_written[32 * 1024];
    for (unsigned i = 0; i + 6 < sizeof never_written; i++)
        if (is_canary(never_written + i)) return true;
    return false;
}

static bool on_the_heap(void) {
    for (unsigned size = 16; size < (1 << 20); size *= 2) {
        volatile char *never_written = malloc(size);
        if (!never_written) return false;
        for (unsigned i = 0; i + 6 < size; i++)
            if (is_canary(never_written + i)) return true;
    }
    return false;
}

static parloir_outcome answer(const parloir_call *call) {
    if (on_the_stack() || on_the_heap()) return parloir_failed("ESCAPED");
    /* What a caller could have said, as a format: the SDK takes it as words. */
    parloir_info("%s", "%n%n%s%s%999999d");
    /* Used after it was freed, and freed twice. */
    char *gone = malloc(64);
    free(gone);
    memset(gone, 'x', 64);
    char *again = malloc(64);
    if (again) memset(again, 'y', 64);
    /* Far over the end of what was asked for: into the rest of its own heap. */
    volatile char *small = malloc(16);
    for (unsigned i = 0; small && i < 4096; i++) small[i] = 'z';
    return call->line ? parloir_done() : parloir_failed("ESCAPED");
}

PARLOIR_AGENT(answer, "overruns", "0.1.0", .languages = {"fr-FR"});
