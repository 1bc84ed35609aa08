/* One question until it is answered, or twice asked. */
#ifndef TALK_H
#define TALK_H

#include <parloir.h>

/* Why the conversation goes no further. */
typedef enum stop {
    GOES_ON,
    /* The caller left. */
    GONE,
    /* The caller wants a human being. */
    HUMAN,
    /* Two topics in a row had no answer. */
    LOST,
    /* The host refused what the call cannot do without. */
    REFUSED,
} stop;

typedef struct talk {
    const parloir_call *call;
    bool french;
    const char *language;
    /* Whether the question of recording has been answered. */
    bool settled;
    stop stop;
    const char *told;
    int unanswered;
} talk;

/* Makes an answer of the words, or of the keys; false for nothing that answers. */
typedef bool reader(const talk *talk, const char *text, bool keys, void *answer);

talk talk_of(const parloir_call *call);

/* One of two languages. */
const char *both(const talk *talk, const char *french, const char *english);

/* Says it in one breath with what comes next. */
void tell(talk *talk, const char *text);
/* What was to be told, and the text. */
const char *led(talk *talk, const char *text);

/* Whether it was done; a refusal stops the talk. */
bool done(talk *talk, parloir_refusal refusal);
bool say(talk *talk, const char *text, parloir_barge_in barge_in);

/* Asks, and once more in short. Whether there is an answer; without one the talk may have stopped. */
bool ask(talk *talk, const char *question, const char *brief, parloir_options options, reader *read, void *answer);
/* A question of yes or no, by word or by key. */
bool confirm(talk *talk, const char *question, const char *brief, bool *yes);

#endif
