/* One question until it is answered. guest-sdk/README.md has the steps, which every language takes alike. */

#include <string.h>

#include "inside.h"

enum {
    TRIES = 3,
    MOST_TRIES = 10,
    PATIENCE = 6000,
    /* For what is dictated. */
    LONG_PATIENCE = 10000,
    /* After "one moment". */
    WAITING = 20000,
    MOST_INTERLUDES = 2,
    /* More options than one key can name. */
    MANY_OPTIONS = 9,
};

/* What kind of answer is asked for. */
typedef struct kind {
    bool (*read)(const struct kind *kind, const parloir_said *said);
    parloir_expecting expecting;
    uint8_t max_digits;
    char finish_on;
    uint32_t patience;
    /* Key 0 is part of the answer, and no wish for a human. */
    bool zero;
    /* Words that are an answer are one before they are a wish for a human. */
    bool answer_first;
    /* Any words are an answer, so that "pardon?" must be looked for first. */
    bool open;

    /* Where the answer goes, and what reading takes besides the words. */
    void *answer;
    const char *const *options;
    const parloir_time *offers;
    size_t count;
    size_t least, most;
    parloir_time now;
    bool (*own)(const parloir_said *said, void *answer);
} kind;

static const char *sorry(bool spoken, bool french) {
    if (spoken) return french ? "Pardon, je n'ai pas bien compris." : "Sorry, I did not catch that.";
    return french ? "Vous êtes toujours là ?" : "Are you still there?";
}

/* Repeat or wait, whichever is more pressing; 0 for neither. */
static parloir_intent interlude_of(const parloir_intents *intents) {
    for (size_t i = 0; i < intents->count; i++)
        if (intents->items[i] & (PARLOIR_INTENT_REPEAT | PARLOIR_INTENT_WAIT)) return intents->items[i];
    return (parloir_intent)0;
}

static parloir_end until(const char *question, const kind *kind, const parloir_until *how) {
    const char *language = how->language;
    if (language == NULL) language = parloir_current == NULL ? "" : parloir_current->language;
    const bool french = strncmp(language, "fr", 2) == 0;
    const int tries = how->tries == 0 ? TRIES : how->tries > MOST_TRIES ? MOST_TRIES : how->tries;
    size_t agains = 0;
    while (agains < sizeof how->again / sizeof how->again[0] && how->again[agains] != NULL) agains++;
    const uint32_t usual = how->patience == 0 ? kind->patience : how->patience;

    const char *words = question, *asked = question;
    uint32_t patience = usual;
    int failures = 0, interludes = 0;
    bool anything_said = false;
    for (;;) {
        parloir_reply reply;
        if (parloir_ask(words, &reply, .expecting = kind->expecting, .patience = patience,
                        .max_digits = kind->max_digits, .finish_on = kind->finish_on, .barge_in = how->barge_in,
                        .language = language) != PARLOIR_OK)
            return PARLOIR_END_REFUSED;
        patience = usual;
        const parloir_turn *turn = &reply.turn;
        if (turn->kind == PARLOIR_HUNG_UP) return PARLOIR_END_HUNG_UP;
        const bool keys = turn->kind == PARLOIR_DIGITS;
        const bool spoken = keys || (turn->kind == PARLOIR_SPEECH && !parloir_is_noise(turn->text));
        if (spoken) {
            const parloir_said said = {turn->text, keys, language};
            if (keys && strcmp(turn->text, "0") == 0 && !kind->zero) return PARLOIR_END_HUMAN;
            const parloir_intents intents = keys ? (parloir_intents){} : parloir_intents_of(turn->text, language);
            const bool human = (intents.all & (PARLOIR_INTENT_HUMAN | PARLOIR_INTENT_EMERGENCY)) != 0;
            if (human && !kind->answer_first) return PARLOIR_END_HUMAN;
            const parloir_intent interlude = interlude_of(&intents);
            if (!(kind->open && interlude != 0) && kind->read(kind, &said)) return PARLOIR_END_ANSWER;
            if (human) return PARLOIR_END_HUMAN;
            if (intents.all & PARLOIR_INTENT_GOODBYE) return PARLOIR_END_GOODBYE;
            if (interlude != 0 && interludes < MOST_INTERLUDES) {
                interludes++;
                if (interlude == PARLOIR_INTENT_REPEAT) {
                    words = asked;
                } else {
                    words = french ? "Prenez votre temps." : "Take your time.";
                    patience = WAITING;
                }
                continue;
            }
            anything_said = true;
        }
        if (++failures >= tries) return anything_said ? PARLOIR_END_MISUNDERSTOOD : PARLOIR_END_SILENT;
        if (agains > 0)
            words = how->again[(size_t)failures < agains ? (size_t)failures - 1 : agains - 1];
        else
            words = parloir_text("%s %s", sorry(spoken, french), question);
        asked = words;
    }
}

/* ---- The kinds -------------------------------------------------------------------------------- */

static bool read_yes_no(const kind *kind, const parloir_said *said) {
    bool *yes = kind->answer;
    if (!said->keys) return parloir_yes_no(said->text, said->language, yes);
    if (strcmp(said->text, "1") != 0 && strcmp(said->text, "2") != 0) return false;
    *yes = said->text[0] == '1';
    return true;
}

parloir_end parloir_until_yes_no(const char *question, bool *yes, parloir_until how) {
    const kind kind = {.read = read_yes_no, .expecting = PARLOIR_EXPECTING_YES_NO, .max_digits = 1,
                       .patience = PATIENCE, .answer = yes};
    return until(question, &kind, &how);
}

/* A yes to nothing in particular is no answer. */
static bool taken(const kind *kind, parloir_choice choice) {
    if (choice.kind == PARLOIR_CHOICE_YES || choice.kind == PARLOIR_CHOICE_UNCLEAR) return false;
    *(parloir_choice *)kind->answer = choice;
    return true;
}

static bool read_choice(const kind *kind, const parloir_said *said) {
    return taken(kind, parloir_choose(said->text, said->language, kind->options, kind->count));
}

parloir_end parloir_until_choose(const char *question, const char *const *options, size_t count,
                                 parloir_choice *choice, parloir_until how) {
    const kind kind = {.read = read_choice, .max_digits = count > MANY_OPTIONS ? 2 : 1, .patience = PATIENCE,
                       .answer_first = true, .answer = choice, .options = options, .count = count};
    return until(question, &kind, &how);
}

static bool read_moment(const kind *kind, const parloir_said *said) {
    return taken(kind, parloir_choose_moment(said->text, said->language, kind->offers, kind->count, kind->now));
}

parloir_end parloir_until_choose_moment(const char *question, const parloir_time *offers, size_t count,
                                        parloir_choice *choice, parloir_until how) {
    const kind kind = {.read = read_moment, .expecting = PARLOIR_EXPECTING_DATE, .max_digits = 1,
                       .patience = PATIENCE, .answer = choice, .offers = offers, .count = count,
                       .now = parloir_now()};
    return until(question, &kind, &how);
}

static bool read_when(const kind *kind, const parloir_said *said) {
    return !said->keys && parloir_when(said->text, said->language, kind->now, kind->answer);
}

parloir_end parloir_until_when(const char *question, parloir_wish *wish, parloir_until how) {
    const kind kind = {.read = read_when, .expecting = PARLOIR_EXPECTING_DATE, .max_digits = 1,
                       .patience = PATIENCE, .answer = wish, .now = parloir_now()};
    return until(question, &kind, &how);
}

static bool read_phone(const kind *kind, const parloir_said *said) {
    const char *phone = parloir_phone(said->text, said->language, parloir_current->line);
    if (phone != NULL) *(const char **)kind->answer = phone;
    return phone != NULL;
}

parloir_end parloir_until_phone(const char *question, const char **phone, parloir_until how) {
    const kind kind = {.read = read_phone, .expecting = PARLOIR_EXPECTING_DIGITS, .finish_on = '#',
                       .patience = LONG_PATIENCE, .zero = true, .answer = phone};
    return until(question, &kind, &how);
}

static bool read_digits(const kind *kind, const parloir_said *said) {
    const char *digits = parloir_digits(said->text, said->language);
    if (digits[0] == '+') digits++;
    const size_t length = strlen(digits);
    if (length < kind->least || length > kind->most) return false;
    *(const char **)kind->answer = digits;
    return true;
}

parloir_end parloir_until_digits(const char *question, uint8_t least, uint8_t most, const char **digits,
                                 parloir_until how) {
    const kind kind = {.read = read_digits, .expecting = PARLOIR_EXPECTING_DIGITS, .max_digits = most,
                       .finish_on = '#', .patience = LONG_PATIENCE, .zero = true, .answer = digits,
                       .least = least, .most = most};
    return until(question, &kind, &how);
}

static bool read_number(const kind *kind, const parloir_said *said) {
    return parloir_number(said->text, said->language, kind->answer);
}

parloir_end parloir_until_number(const char *question, uint32_t *number, parloir_until how) {
    const kind kind = {.read = read_number, .finish_on = '#', .patience = LONG_PATIENCE, .zero = true,
                       .answer = number};
    return until(question, &kind, &how);
}

static bool read_amount(const kind *kind, const parloir_said *said) {
    return parloir_amount(said->text, said->language, kind->answer);
}

parloir_end parloir_until_amount(const char *question, parloir_quantity *quantity, parloir_until how) {
    const kind kind = {.read = read_amount, .finish_on = '#', .patience = LONG_PATIENCE, .zero = true,
                       .answer = quantity};
    return until(question, &kind, &how);
}

static bool read_name(const kind *kind, const parloir_said *said) {
    return !said->keys && parloir_name(said->text, said->language, kind->answer);
}

parloir_end parloir_until_name(const char *question, parloir_caller_name *name, parloir_until how) {
    const kind kind = {.read = read_name, .expecting = PARLOIR_EXPECTING_NAME, .max_digits = 1,
                       .patience = LONG_PATIENCE, .open = true, .answer = name};
    return until(question, &kind, &how);
}

static bool read_own(const kind *kind, const parloir_said *said) { return kind->own(said, kind->answer); }

parloir_end parloir_until_read(const char *question, bool (*read)(const parloir_said *said, void *answer),
                               void *answer, parloir_until how) {
    const kind kind = {.read = read_own, .max_digits = 1, .patience = PATIENCE, .answer = answer, .own = read};
    return until(question, &kind, &how);
}
