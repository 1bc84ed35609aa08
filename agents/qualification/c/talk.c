#include "talk.h"

#include <string.h>

enum { PATIENCE = 7000 };

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

talk talk_of(const parloir_call *call) {
    const bool known = begins(call->language, "fr") || begins(call->language, "en");
    return (talk){
        .call = call,
        .french = begins(call->language, "fr"),
        .language = known ? call->language : "en-GB",
    };
}

const char *both(const talk *talk, const char *french, const char *english) {
    return talk->french ? french : english;
}

const char *led(talk *talk, const char *text) {
    const char *all = talk->told == NULL ? text : parloir_text("%s %s", talk->told, text);
    talk->told = NULL;
    return all;
}

void tell(talk *talk, const char *text) { talk->told = led(talk, text); }

bool done(talk *talk, parloir_refusal refusal) {
    if (refusal != PARLOIR_OK) talk->stop = REFUSED;
    return refusal == PARLOIR_OK;
}

bool say(talk *talk, const char *text, parloir_barge_in barge_in) {
    return done(talk, parloir_say(led(talk, text), .barge_in = barge_in, .language = talk->language));
}

bool ask(talk *talk, const char *question, const char *brief, parloir_options options, reader *read, void *answer) {
    const char *words[] = {led(talk, question), brief};
    options.patience = PATIENCE;
    options.language = talk->language;
    for (size_t i = 0; i < 2; i++) {
        parloir_reply reply;
        if (!done(talk, parloir_ask_with(words[i], &reply, options))) return false;
        const bool keys = reply.turn.kind == PARLOIR_DIGITS;
        const char *text = reply.turn.text;
        switch (reply.turn.kind) {
        case PARLOIR_HUNG_UP: talk->stop = GONE; return false;
        case PARLOIR_SILENCE: continue;
        case PARLOIR_SPEECH:
            if (parloir_is_noise(text)) continue;
            if (parloir_intents_of(text, talk->language).all & PARLOIR_INTENT_HUMAN) {
                talk->stop = HUMAN;
                return false;
            }
            break;
        case PARLOIR_DIGITS: break;
        }
        if (read(talk, text, keys, answer)) {
            talk->unanswered = 0;
            return true;
        }
    }
    if (++talk->unanswered == 2) talk->stop = LOST;
    return false;
}

static bool read_yes_no(const talk *talk, const char *text, bool keys, void *answer) {
    bool *yes = answer;
    if (!keys) return parloir_yes_no(text, talk->language, yes);
    *yes = strcmp(text, "1") == 0;
    return *yes || strcmp(text, "2") == 0;
}

bool confirm(talk *talk, const char *question, const char *brief, bool *yes) {
    const parloir_options options = {.expecting = PARLOIR_EXPECTING_YES_NO, .max_digits = 1};
    return ask(talk, question, brief, options, read_yes_no, yes);
}
