/* What the author of a telephone agent in C includes.
 *
 * An agent is a plain sequential program: it says, listens, asks, decides, and returns how the call
 * ended. There is no event loop to keep and nothing to await: the host parks the agent while the
 * caller thinks.
 *
 *     #include <parloir.h>
 *
 *     static parloir_outcome answer(const parloir_call *call) {
 *         parloir_reply reply;
 *         parloir_refusal refusal = parloir_ask(
 *             parloir_text("This is %s. Shall somebody ring you back?", parloir_setting(call, "name")),
 *             &reply, .expecting = PARLOIR_EXPECTING_YES_NO);
 *         if (refusal) return parloir_failed(parloir_reason());
 *         if (reply.turn.kind == PARLOIR_HUNG_UP) return parloir_abandoned();
 *         parloir_say("Thank you. Goodbye.");
 *         return parloir_done();
 *     }
 *
 *     PARLOIR_AGENT(answer, "greeter", "0.1.0", .languages = {"en-GB"});
 *
 * Errors. What can be refused returns a parloir_refusal, which is 0 when it was done; parloir_reason()
 * then says why it was not, in the host's words. A hang-up, a busy line and a slot somebody else took
 * are no errors but values.
 *
 * Memory. Text is UTF-8 that ends with a zero byte. Whatever the host or this library hands out lives
 * until the call ends; nothing has to be freed. Each call has an instance of the agent to itself: a
 * global variable belongs to one call. What is passed in may be the author's own memory; it is only
 * read.
 *
 * Bugs. A failed assert(), an abort() and parloir_panic() write what and where to the call's journal
 * before they stop the agent; the host then looks after the caller.
 *
 * Options. Functions that end in "..." take what is optional by name: parloir_say("...", .barge_in =
 * PARLOIR_BARGE_IN_NEVER). What is left out has the default that its comment gives.
 */
#ifndef PARLOIR_H
#define PARLOIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#error "parloir.h is for C; an agent in C++ needs bindings of its own"
#endif

/* ---- What was refused ------------------------------------------------------------------------- */

/* Why the host did not do what was asked. A refusal is data: nothing happened, and the agent may go on. */
typedef enum parloir_refusal {
    /* It was done. */
    PARLOIR_OK = 0,
    /* The agent's description or the line's policy does not grant it. */
    PARLOIR_NOT_PERMITTED,
    /* A quota of the call or of the tenant is used up. */
    PARLOIR_OVER_QUOTA,
    /* The thing asked for is not there, or its provider failed. */
    PARLOIR_UNAVAILABLE,
    /* The arguments are out of range. */
    PARLOIR_INVALID,
} parloir_refusal;

/* Why the last function that was refused was refused: how to be allowed, or what to change. */
const char *parloir_reason(void);

/* ---- Who the agent is, and how a call ends ---------------------------------------------------- */

/* Civil time in the line's time zone, to the minute. */
typedef struct parloir_time {
    int32_t year;
    uint8_t month; /* 1 to 12 */
    uint8_t day;   /* 1 to 31 */
    uint8_t hour;  /* 0 to 23 */
    uint8_t minute;
} parloir_time;

typedef struct parloir_named {
    const char *name;
    const char *value;
} parloir_named;

/* What is known when the call is answered. */
typedef struct parloir_call {
    /* The call's random identifier, 32 hexadecimal digits. */
    const char *id;
    /* Whether the line rang the caller, and not the caller the line. */
    bool outbound;
    /* The line that rang, E.164. */
    const char *line;
    /* The caller's number, E.164; NULL when withheld. */
    const char *caller;
    /* The line's first language, BCP 47. */
    const char *language;
    parloir_time started_at;
    /* The tenant's settings for this line; parloir_setting finds one. */
    const parloir_named *settings;
    size_t settings_count;
} parloir_call;

/* The tenant's setting of this name, without the blanks around it; NULL where it is absent or blank. */
const char *parloir_setting(const parloir_call *call, const char *name);

typedef enum parloir_outcome_kind {
    PARLOIR_DONE,
    PARLOIR_TRANSFERRED,
    PARLOIR_CALL_BACK,
    PARLOIR_ABANDONED,
    PARLOIR_FAILED,
} parloir_outcome_kind;

/* How the call ended; made by the five functions below. */
typedef struct parloir_outcome {
    parloir_outcome_kind kind;
    const char *why;
} parloir_outcome;

/* The conversation came to its end. */
static inline parloir_outcome parloir_done(void) { return (parloir_outcome){PARLOIR_DONE, NULL}; }
/* A human has the caller. */
static inline parloir_outcome parloir_transferred(void) { return (parloir_outcome){PARLOIR_TRANSFERRED, NULL}; }
/* Somebody has to ring back. */
static inline parloir_outcome parloir_call_back(void) { return (parloir_outcome){PARLOIR_CALL_BACK, NULL}; }
/* The caller left. */
static inline parloir_outcome parloir_abandoned(void) { return (parloir_outcome){PARLOIR_ABANDONED, NULL}; }
/* The agent gives up, and says why: the host looks after the caller. */
static inline parloir_outcome parloir_failed(const char *why) { return (parloir_outcome){PARLOIR_FAILED, why}; }

/* What an agent needs beyond the conversation: refused unless described here and granted by the line. */
enum {
    PARLOIR_NEEDS_MODEL = 1 << 0,
    PARLOIR_NEEDS_CALENDAR = 1 << 1,
    PARLOIR_NEEDS_MEMORY = 1 << 2,
    PARLOIR_NEEDS_DOCUMENTS = 1 << 3,
    PARLOIR_NEEDS_TRANSFER = 1 << 4,
    PARLOIR_NEEDS_CONNECTORS = 1 << 5,
};

/* What PARLOIR_AGENT makes. */
typedef struct parloir_agent_description {
    parloir_outcome (*answer)(const parloir_call *call);
    const char *name;
    const char *version;
    /* The languages it speaks, BCP 47, best first. */
    const char *languages[32];
    /* PARLOIR_NEEDS_..., joined by |. */
    unsigned needs;
} parloir_agent_description;

/* Makes a function the agent that answers, once per agent, at the end of its file:
 *     PARLOIR_AGENT(answer, "name", "0.1.0", .languages = {"fr-FR"}, .needs = PARLOIR_NEEDS_CALENDAR);
 */
#define PARLOIR_AGENT(...) const parloir_agent_description parloir_agent = {__VA_ARGS__}

/* ---- Speaking and listening ------------------------------------------------------------------- */

/* What stops the agent's voice. */
typedef enum parloir_barge_in {
    /* Speech of some substance, or a key. */
    PARLOIR_BARGE_IN_BY_SPEECH,
    /* A key only. */
    PARLOIR_BARGE_IN_BY_KEYS,
    /* Nothing: for a sentence the law wants heard whole. */
    PARLOIR_BARGE_IN_NEVER,
} parloir_barge_in;

/* What kind of answer is due. It steers the end of the caller's turn. */
typedef enum parloir_expecting {
    PARLOIR_EXPECTING_ANYTHING,
    PARLOIR_EXPECTING_YES_NO,
    PARLOIR_EXPECTING_DIGITS,
    PARLOIR_EXPECTING_NAME,
    PARLOIR_EXPECTING_DATE,
    PARLOIR_EXPECTING_ADDRESS,
} parloir_expecting;

/* How to speak and how to listen. What is left out (zero) has the default given here. */
typedef struct parloir_options {
    /* What stops the voice; speech. */
    parloir_barge_in barge_in;
    /* What kind of answer is due; anything. */
    parloir_expecting expecting;
    /* How long the caller may stay silent, 500 to 60000 ms; 6000. */
    uint32_t patience;
    /* A turn of keys ends after so many; no limit short of 32. */
    uint8_t max_digits;
    /* The key that ends a turn of keys and is not part of it; none. */
    char finish_on;
    /* The language to speak and to listen for, BCP 47; the line's first. */
    const char *language;
} parloir_options;

/* What reached the caller's ear. */
typedef struct parloir_heard {
    /* The words that had been played, cut at the last whole word. */
    const char *text;
    /* Whether everything was played. */
    bool whole;
    /* How long was played, ms. */
    uint32_t played;
} parloir_heard;

typedef enum parloir_turn_kind {
    /* The caller spoke. */
    PARLOIR_SPEECH,
    /* The caller pressed keys: 0 to 9, * and #. */
    PARLOIR_DIGITS,
    /* Nothing was said or pressed within the caller's time. */
    PARLOIR_SILENCE,
    /* The caller is gone. Every later turn says so again. */
    PARLOIR_HUNG_UP,
} parloir_turn_kind;

/* The caller's turn. */
typedef struct parloir_turn {
    parloir_turn_kind kind;
    /* What was said, or the keys; empty otherwise. */
    const char *text;
    /* Of speech: from 0 (guess) to 1 (certain). */
    float confidence;
    /* Of speech: its language, BCP 47. */
    const char *language;
    /* Of speech: whether the caller began while the agent was still speaking. */
    bool over_agent;
} parloir_turn;

/* A question's end: what the caller heard of it, and what came back. */
typedef struct parloir_reply {
    parloir_heard heard;
    parloir_turn turn;
} parloir_reply;

/* parloir_refusal parloir_say(const char *text, options...): speaks, and returns when it was played or
 * interrupted. Refused: INVALID over 4000 characters; OVER_QUOTA past the call's characters of speech;
 * UNAVAILABLE when every voice failed. */
#define parloir_say(text, ...) parloir_say_with((text), NULL, (parloir_options){__VA_ARGS__})

/* The same, and what the caller heard of it: parloir_sentence(text, &heard, options...). */
#define parloir_sentence(text, heard, ...) parloir_say_with((text), (heard), (parloir_options){__VA_ARGS__})

/* parloir_refusal parloir_ask(const char *question, parloir_reply *reply, options...): says, and listens
 * from the first syllable. Refused as parloir_say and parloir_listen. */
#define parloir_ask(question, reply, ...) parloir_ask_with((question), (reply), (parloir_options){__VA_ARGS__})

/* parloir_refusal parloir_listen(parloir_turn *turn, options...): waits for the caller's turn. Refused:
 * UNAVAILABLE when every transcriber failed; INVALID for options out of range. */
#define parloir_listen(turn, ...) parloir_listen_with((turn), (parloir_options){__VA_ARGS__})

/* parloir_refusal parloir_play(const char *sound, options...): plays a sound file of the tenant.
 * Refused: UNAVAILABLE when there is no such file. */
#define parloir_play(sound, ...) parloir_play_with((sound), (parloir_options){__VA_ARGS__})

parloir_refusal parloir_say_with(const char *text, parloir_heard *heard, parloir_options options);
parloir_refusal parloir_ask_with(const char *question, parloir_reply *reply, parloir_options options);
parloir_refusal parloir_listen_with(parloir_turn *turn, parloir_options options);
parloir_refusal parloir_play_with(const char *sound, parloir_options options);

typedef enum parloir_handover {
    /* Somebody took the call: the agent's part is over. */
    PARLOIR_HANDOVER_ANSWERED,
    PARLOIR_HANDOVER_BUSY,
    PARLOIR_HANDOVER_NO_ANSWER,
    PARLOIR_HANDOVER_CALLER_GONE,
} parloir_handover;

/* Hands the caller over after an optional sentence (NULL for none). An empty `to` is the line's own
 * fallback number. Refused: NOT_PERMITTED for a destination outside the tenant's list; UNAVAILABLE when
 * the line has no way to transfer. */
parloir_refusal parloir_transfer(const char *to, const char *announce, parloir_handover *handover);

/* States the caller's answer about recording and keeping a transcript. */
parloir_refusal parloir_consent(bool granted);
/* Nothing is recorded, transcribed, logged or sent to a provider until parloir_resume_recording. */
parloir_refusal parloir_pause_recording(void);
/* Opens again what parloir_pause_recording closed, and never more. */
parloir_refusal parloir_resume_recording(void);
/* Ends the call. Speaking and listening afterwards behave as after the caller's own hang-up. */
void parloir_hang_up(void);

/* ---- The calendar ----------------------------------------------------------------------------- */

/* Days of the week, for parloir_wanted; joined by |. */
enum {
    PARLOIR_MONDAY = 1 << 0,
    PARLOIR_TUESDAY = 1 << 1,
    PARLOIR_WEDNESDAY = 1 << 2,
    PARLOIR_THURSDAY = 1 << 3,
    PARLOIR_FRIDAY = 1 << 4,
    PARLOIR_SATURDAY = 1 << 5,
    PARLOIR_SUNDAY = 1 << 6,
};

/* Which slots are wanted. What is left out does not constrain. */
typedef struct parloir_wanted {
    /* Not before this instant; now. */
    const parloir_time *from;
    /* Before this instant; the calendar's horizon. */
    const parloir_time *until;
    /* Only these days of the week; any. */
    unsigned weekdays;
    /* Not before this time of day, in minutes after midnight; midnight. */
    uint16_t earliest;
    /* Begins before this time of day, in minutes after midnight; no limit. */
    uint16_t latest;
    /* At most so many, soonest first, 1 to 50; 2. */
    uint8_t limit;
} parloir_wanted;

typedef struct parloir_slot {
    /* Names the slot to parloir_book and parloir_reschedule. */
    const char *id;
    parloir_time start;
    uint16_t minutes;
} parloir_slot;

typedef struct parloir_slots {
    const parloir_slot *items;
    size_t count;
} parloir_slots;

typedef struct parloir_contact {
    const char *name;
    /* E.164; NULL when not known. */
    const char *phone;
} parloir_contact;

typedef struct parloir_appointment {
    /* Short enough to read aloud: six letters and digits. */
    const char *reference;
    parloir_slot slot;
    parloir_contact contact;
    const char *motive;
} parloir_appointment;

typedef struct parloir_appointments {
    const parloir_appointment *items;
    size_t count;
} parloir_appointments;

/* parloir_refusal parloir_free(parloir_slots *slots, wanted...): the free slots, soonest first:
 * parloir_free(&slots, .weekdays = PARLOIR_TUESDAY | PARLOIR_THURSDAY, .limit = 3). Refused: UNAVAILABLE
 * when the line has no calendar. Every function of the calendar is refused NOT_PERMITTED without
 * PARLOIR_NEEDS_CALENDAR. */
#define parloir_free(slots, ...) parloir_free_with((slots), &(parloir_wanted){__VA_ARGS__})
parloir_refusal parloir_free_with(parloir_slots *slots, const parloir_wanted *wanted);

/* Books a slot. `*taken` is true when somebody was quicker, and nothing was booked. */
parloir_refusal parloir_book(const char *slot, parloir_contact contact, const char *motive,
                             parloir_appointment *appointment, bool *taken);
/* The coming appointments under a telephone number, E.164. */
parloir_refusal parloir_find(const char *phone, parloir_appointments *appointments);
/* Moves an appointment: either it has the new slot, or `*taken` is true and it keeps the old one. */
parloir_refusal parloir_reschedule(const char *reference, const char *slot,
                                   parloir_appointment *appointment, bool *taken);
/* Cancels; `*cancelled` is false when there is no such appointment. */
parloir_refusal parloir_cancel(const char *reference, bool *cancelled);

/* ---- Understanding what the caller means, and saying things back ------------------------------- */

/* French and English. Pure: the same words at the same moment always mean the same, and nothing can be
 * refused. A function that returns bool says whether it understood, and writes its last argument only
 * then; what cannot be understood is never guessed. `language` is a BCP 47 tag, such as call->language. */

/* Whether the caller says yes. Not understood: neither, both, "I do not know". */
bool parloir_yes_no(const char *text, const char *language, bool *yes);
/* The digits dictated, in order, after a "+" where one was said; empty when there are none. */
const char *parloir_digits(const char *text, const char *language);
/* The first whole number said, in letters or in figures, up to 999,999,999. */
bool parloir_number(const char *text, const char *language, uint32_t *number);

/* How much, in whole units. One figure is both ends; "at least" has no `most`, "at most" no `least`. */
typedef struct parloir_quantity {
    bool has_least;
    uint32_t least;
    bool has_most;
    uint32_t most;
    /* The currency said beside it, ISO 4217; NULL when none was. */
    const char *currency;
} parloir_quantity;

/* How much the caller says: "quinze mille euros", "at least 2k". */
bool parloir_amount(const char *text, const char *language, parloir_quantity *quantity);

/* Which moments suit a caller. What is absent does not constrain. */
typedef struct parloir_wish {
    /* Midnight of the first day that suits; NULL for none. */
    const parloir_time *from;
    /* Midnight of the first day that no longer suits; NULL for none. */
    const parloir_time *until;
    /* Only these days of the week, joined by |; 0 for any. */
    unsigned weekdays;
    /* Not before this time of day, in minutes after midnight; 0 for any. */
    uint16_t earliest;
    /* Begins before this time of day, in minutes after midnight; 0 for any. */
    uint16_t latest;
    /* Whether a very time was asked for, and which, in minutes after midnight. */
    bool has_at;
    uint16_t at;
} parloir_wish;

/* Which days and times the caller wishes, relative to `now`: "mardi en huit", "half past three". */
bool parloir_when(const char *text, const char *language, parloir_time now, parloir_wish *wish);
/* `wish` after a newer one: what the newer does not speak of stays. */
parloir_wish parloir_refine(const parloir_wish *wish, const parloir_wish *newer);
/* `wish` with the time asked for as a span of so many minutes before and after it. */
parloir_wish parloir_around(const parloir_wish *wish, uint16_t minutes);
/* Whether a moment suits. */
bool parloir_fits(const parloir_wish *wish, parloir_time moment);
/* The two soonest slots that suit, for parloir_free_with: those of the very minute where a time was asked
 * for. */
parloir_wanted parloir_wanted_for(const parloir_wish *wish);

/* The telephone number dictated or keyed, E.164; NULL when it is none. A national number belongs to the
 * country of `home`, such as call->line. */
const char *parloir_phone(const char *text, const char *language, const char *home);

typedef struct parloir_caller_name {
    /* As it is to be written: "Jean Dupont". */
    const char *text;
    /* Whether the caller spelled it, so that the letters are sure. */
    bool spelled;
} parloir_caller_name;

/* The caller's name, said or spelled. */
bool parloir_name(const char *text, const char *language, parloir_caller_name *name);

typedef enum parloir_choice_kind {
    /* That one: `offer`. */
    PARLOIR_CHOICE_OFFER,
    /* Any of them suits. */
    PARLOIR_CHOICE_ANY,
    /* None of them suits. What would suit may stand in the same text: parloir_when. */
    PARLOIR_CHOICE_NEITHER,
    /* A moment that was not offered: `rather`. Only of parloir_choose_moment. */
    PARLOIR_CHOICE_RATHER,
    /* A yes to more than one offer, or to nothing in particular. */
    PARLOIR_CHOICE_YES,
    /* Nothing that can be understood. */
    PARLOIR_CHOICE_UNCLEAR,
} parloir_choice_kind;

/* What a caller makes of some offers. */
typedef struct parloir_choice {
    parloir_choice_kind kind;
    /* Its place in the list, from 0. */
    uint32_t offer;
    parloir_wish rather;
} parloir_choice;

/* Which option the caller takes: by rank, by number, by its own words, by a yes to a single one. */
parloir_choice parloir_choose(const char *text, const char *language, const char *const *options, size_t count);
/* Which moment on offer the caller takes: by rank, by day or time, by a yes to a single one. */
parloir_choice parloir_choose_moment(const char *text, const char *language, const parloir_time *offers,
                                     size_t count, parloir_time now);

/* Something a caller wants, or does, in passing. */
typedef enum parloir_intent {
    PARLOIR_INTENT_EMERGENCY = 1 << 0,       /* a life may be in danger */
    PARLOIR_INTENT_URGENT = 1 << 1,          /* it hurts, it cannot wait */
    PARLOIR_INTENT_HUMAN = 1 << 2,           /* a human being, please */
    PARLOIR_INTENT_REPEAT = 1 << 3,          /* say that again */
    PARLOIR_INTENT_WAIT = 1 << 4,            /* a moment, I am looking */
    PARLOIR_INTENT_CANCEL = 1 << 5,          /* cancel an appointment */
    PARLOIR_INTENT_MOVE = 1 << 6,            /* move an appointment */
    PARLOIR_INTENT_RECALL = 1 << 7,          /* when is my appointment? */
    PARLOIR_INTENT_APPOINTMENT = 1 << 8,     /* make an appointment */
    PARLOIR_INTENT_HOURS = 1 << 9,           /* when are you open? */
    PARLOIR_INTENT_ADDRESS = 1 << 10,        /* where are you? */
    PARLOIR_INTENT_PRICE = 1 << 11,          /* what does it cost? */
    PARLOIR_INTENT_OTHER_LANGUAGE = 1 << 12, /* speak the other language */
    PARLOIR_INTENT_CALL_BACK = 1 << 13,      /* please ring me back */
    PARLOIR_INTENT_WRONG = 1 << 14,          /* not that: start again */
    PARLOIR_INTENT_GREETING = 1 << 15,       /* good day */
    PARLOIR_INTENT_THANKS = 1 << 16,         /* thank you */
    PARLOIR_INTENT_GOODBYE = 1 << 17,        /* goodbye */
} parloir_intent;

/* Everything the caller is after. */
typedef struct parloir_intents {
    /* Most pressing first. */
    const parloir_intent *items;
    size_t count;
    /* The same, joined by |. */
    unsigned all;
} parloir_intents;

/* Everything the caller is after: parloir_intents_of(text, language).all & PARLOIR_INTENT_HUMAN. */
parloir_intents parloir_intents_of(const char *text, const char *language);

typedef enum parloir_relative {
    PARLOIR_EARLIER,
    PARLOIR_LATER,
    PARLOIR_OTHER_DAY,
} parloir_relative;

/* Whether the caller wants something earlier, later, or on another day than was offered. */
bool parloir_relative_wish(const char *text, const char *language, parloir_relative *relative);
/* Whether a text is no speech at all. parloir_listen may answer such a text. */
bool parloir_is_noise(const char *text);
/* A text with each sentence once, where a recogniser wrote one over and over. */
const char *parloir_once(const char *text);
/* The language of a text: "fr-FR" or "en-GB"; NULL when too few words tell. */
const char *parloir_language_of(const char *text);

/* "mardi 24 novembre", "Tuesday the 24th of November". */
const char *parloir_say_date(parloir_time date, const char *language);
/* "15 heures 30", "half past 3 in the afternoon". */
const char *parloir_say_time(parloir_time time, const char *language);
/* Day and time. Where `now` is not NULL, a near moment is said so: "tomorrow, Tuesday the 24th of November
 * at noon". */
const char *parloir_say_moment(parloir_time moment, const parloir_time *now, const char *language);
/* "quinze mille", "fifteen thousand". */
const char *parloir_say_number(uint32_t number, const char *language);
/* "06, 12, 34, 56, 78". */
const char *parloir_say_phone(const char *phone, const char *language);
/* "A, 7, K, 2, P, 9". */
const char *parloir_say_spelled(const char *text);

typedef enum parloir_conjunction {
    PARLOIR_AND,
    PARLOIR_OR,
} parloir_conjunction;

/* "lundi, mardi ou jeudi". */
const char *parloir_say_list(const char *const *items, size_t count, parloir_conjunction conjunction,
                             const char *language);

/* ---- One question until it is answered --------------------------------------------------------- */

/* Asks, and asks again in other words; notices who wants a human, says goodbye or is gone; says it again
 * after "pardon?" and waits after "one moment". So no agent has to:
 *
 *     bool wanted;
 *     switch (parloir_ask_until_yes_no("Would you like a visit?", &wanted, .again = {"A visit: yes or no?"})) {
 *     case PARLOIR_END_ANSWER: ...
 *     case PARLOIR_END_HUMAN: ...
 */

/* How a question ended. Only PARLOIR_END_ANSWER writes the answer. */
typedef enum parloir_end {
    PARLOIR_END_ANSWER,
    /* The caller wants a human being. */
    PARLOIR_END_HUMAN,
    PARLOIR_END_GOODBYE,
    /* Nothing was ever said. */
    PARLOIR_END_SILENT,
    PARLOIR_END_MISUNDERSTOOD,
    PARLOIR_END_HUNG_UP,
    /* The host refused to ask: parloir_reason(). */
    PARLOIR_END_REFUSED,
} parloir_end;

/* How to ask. What is left out (zero) has the default given here. */
typedef struct parloir_until {
    /* Other words, in order; the last serves from then on. The question after an apology. */
    const char *again[10];
    /* The failures that end it, 1 to 10; 3. */
    uint8_t tries;
    /* Spoken, listened for and understood, BCP 47; the call's. */
    const char *language;
    /* What stops the voice; speech. */
    parloir_barge_in barge_in;
    /* How long the caller may stay silent, ms; 6000, or 10000 for what is dictated. */
    uint32_t patience;
} parloir_until;

/* What was said, or the keys pressed. */
typedef struct parloir_said {
    const char *text;
    bool keys;
    const char *language;
} parloir_said;

/* Yes or no, or key 1 or 2: parloir_ask_until_yes_no(question, &yes, options...). */
#define parloir_ask_until_yes_no(question, yes, ...) \
    parloir_until_yes_no((question), (yes), (parloir_until){__VA_ARGS__})
/* One of the options, given as they are spoken: OFFER, ANY or NEITHER. */
#define parloir_ask_until_choose(question, options, count, choice, ...) \
    parloir_until_choose((question), (options), (count), (choice), (parloir_until){__VA_ARGS__})
/* One of the moments on offer: OFFER, ANY, NEITHER or RATHER. */
#define parloir_ask_until_choose_moment(question, offers, count, choice, ...) \
    parloir_until_choose_moment((question), (offers), (count), (choice), (parloir_until){__VA_ARGS__})
/* A day or a time. */
#define parloir_ask_until_when(question, wish, ...) \
    parloir_until_when((question), (wish), (parloir_until){__VA_ARGS__})
/* A telephone number, E.164. */
#define parloir_ask_until_phone(question, phone, ...) \
    parloir_until_phone((question), (phone), (parloir_until){__VA_ARGS__})
/* From `least` to `most` digits, said or keyed. */
#define parloir_ask_until_digits(question, least, most, digits, ...) \
    parloir_until_digits((question), (least), (most), (digits), (parloir_until){__VA_ARGS__})
/* A whole number. */
#define parloir_ask_until_number(question, number, ...) \
    parloir_until_number((question), (number), (parloir_until){__VA_ARGS__})
/* A sum. */
#define parloir_ask_until_amount(question, quantity, ...) \
    parloir_until_amount((question), (quantity), (parloir_until){__VA_ARGS__})
/* The caller's name. */
#define parloir_ask_until_name(question, name, ...) \
    parloir_until_name((question), (name), (parloir_until){__VA_ARGS__})
/* What a function of your own makes of it; false for nothing that answers. */
#define parloir_ask_until_read(question, read, answer, ...) \
    parloir_until_read((question), (read), (answer), (parloir_until){__VA_ARGS__})

parloir_end parloir_until_yes_no(const char *question, bool *yes, parloir_until how);
parloir_end parloir_until_choose(const char *question, const char *const *options, size_t count,
                                 parloir_choice *choice, parloir_until how);
parloir_end parloir_until_choose_moment(const char *question, const parloir_time *offers, size_t count,
                                        parloir_choice *choice, parloir_until how);
parloir_end parloir_until_when(const char *question, parloir_wish *wish, parloir_until how);
parloir_end parloir_until_phone(const char *question, const char **phone, parloir_until how);
parloir_end parloir_until_digits(const char *question, uint8_t least, uint8_t most, const char **digits,
                                 parloir_until how);
parloir_end parloir_until_number(const char *question, uint32_t *number, parloir_until how);
parloir_end parloir_until_amount(const char *question, parloir_quantity *quantity, parloir_until how);
parloir_end parloir_until_name(const char *question, parloir_caller_name *name, parloir_until how);
parloir_end parloir_until_read(const char *question, bool (*read)(const parloir_said *said, void *answer),
                               void *answer, parloir_until how);

/* ---- The report, which the tenant reads after the call ---------------------------------------- */

typedef enum parloir_status {
    /* The caller got what the call was for. */
    PARLOIR_STATUS_RESOLVED,
    /* An appointment stands. */
    PARLOIR_STATUS_BOOKED,
    /* Somebody has to ring back. */
    PARLOIR_STATUS_CALL_BACK,
    /* A human took over. */
    PARLOIR_STATUS_HANDED_OVER,
    /* The caller left before the end. */
    PARLOIR_STATUS_ABANDONED,
    /* Not for this line. */
    PARLOIR_STATUS_OUT_OF_SCOPE,
} parloir_status;

/* Set as the call goes: a call cut short still files what was known, and a field set again replaces the
 * one before. Refused: INVALID for a text over 2000 characters or more than 64 fields. */
parloir_refusal parloir_report_contact(parloir_contact contact);
parloir_refusal parloir_report_need(const char *text);
parloir_refusal parloir_report_appointment(const parloir_appointment *appointment);
parloir_refusal parloir_report_status(parloir_status status);
parloir_refusal parloir_report_summary(const char *text);
/* A field of the tenant's own. */
parloir_refusal parloir_report_other(const char *name, const char *value);

/* ---- The tenant's key-value storage, from one call to the next --------------------------------- */

typedef struct parloir_bytes {
    const void *data; /* ends with a zero byte beyond `length`: text can be read as text */
    size_t length;
} parloir_bytes;

/* The value of a key; `data` is NULL when there is none. Keys up to 256 bytes, values up to 3 KiB. */
parloir_refusal parloir_memory_get(const char *key, parloir_bytes *value);
parloir_refusal parloir_memory_set(const char *key, parloir_bytes value);
/* Sets `value` if the present value is `expected` (its `data` NULL: if there is none yet). */
parloir_refusal parloir_memory_compare_and_set(const char *key, parloir_bytes expected, parloir_bytes value,
                                               bool *done);
/* Deleting what is not there is no error. */
parloir_refusal parloir_memory_delete(const char *key);

/* ---- The tenant's documents ------------------------------------------------------------------- */

typedef struct parloir_names {
    const char *const *items;
    size_t count;
} parloir_names;

typedef struct parloir_passage {
    const char *document;
    const char *text;
    /* Higher fits better; comparable within one search only. */
    float score;
} parloir_passage;

typedef struct parloir_passages {
    const parloir_passage *items;
    size_t count;
} parloir_passages;

parloir_refusal parloir_documents_list(parloir_names *names);
/* A whole document, up to 256 KiB. */
parloir_refusal parloir_documents_read(const char *name, const char **text);
/* The paragraphs that fit the words best, at most `limit` (1 to 20). */
parloir_refusal parloir_documents_search(const char *query, uint8_t limit, parloir_passages *passages);

/* ---- Services of the tenant's own --------------------------------------------------------------- */

typedef enum parloir_method {
    PARLOIR_METHOD_GET,
    PARLOIR_METHOD_POST,
    PARLOIR_METHOD_PUT,
    PARLOIR_METHOD_PATCH,
    PARLOIR_METHOD_DELETE,
} parloir_method;

/* What is sent. What is left out (zero) has the default given here. */
typedef struct parloir_request {
    /* GET. */
    parloir_method method;
    /* Names and values, which the host encodes; none. */
    parloir_named query[32];
    /* JSON; none. */
    const char *body;
} parloir_request;

/* What the service answered, whatever its status. */
typedef struct parloir_connector_answer {
    /* Of HTTP: 200 to 299 where the service did what was asked. A redirect is one, and is not followed. */
    uint16_t status;
    const char *body;
} parloir_connector_answer;

/* The connectors that the line grants, by name. */
parloir_names parloir_connectors_list(void);
/* Sends a request to what stands at `path` below a connector's address and waits for its answer:
 *     parloir_connectors_send("crm", "customers", &answer, .query = {{"phone", call->caller}});
 * Refused: NOT_PERMITTED for a connector or a method that is not granted; INVALID for a request that cannot
 * be sent, or an answer that is too long or no UTF-8; UNAVAILABLE where there is no answer in time. */
#define parloir_connectors_send(connector, path, answer, ...) \
    parloir_connectors_send_with((connector), (path), (answer), (parloir_request){__VA_ARGS__})
parloir_refusal parloir_connectors_send_with(const char *connector, const char *path,
                                             parloir_connector_answer *answer, parloir_request request);

/* ---- The language model ----------------------------------------------------------------------- */

/* A function the model may ask for. */
typedef struct parloir_tool {
    const char *name;
    const char *description;
    /* The JSON Schema of its arguments. */
    const char *parameters;
} parloir_tool;

typedef struct parloir_tool_call {
    const char *id;
    const char *name;
    /* JSON, as the model wrote it: check it. */
    const char *arguments;
} parloir_tool_call;

typedef enum parloir_role {
    PARLOIR_SYSTEM,
    PARLOIR_USER,
    PARLOIR_ASSISTANT,
    PARLOIR_TOOL_RESULT,
} parloir_role;

typedef struct parloir_message {
    parloir_role role;
    const char *text;
    /* Of an assistant's message: the tools it asked for. */
    const parloir_tool_call *tool_calls;
    size_t tool_calls_count;
    /* Of a tool's result: the `id` of the tool call it answers. */
    const char *id;
} parloir_message;

typedef struct parloir_chat {
    const parloir_message *messages;
    size_t messages_count;
    const parloir_tool *tools;
    size_t tools_count;
    /* At most so many tokens of answer; 0 for the line's default. */
    uint32_t max_tokens;
    /* 0 to 2; NULL for the line's default. */
    const float *temperature;
} parloir_chat;

typedef enum parloir_finish {
    PARLOIR_FINISH_COMPLETE,
    PARLOIR_FINISH_TOOL_CALLS,
    /* Cut at `max_tokens`. */
    PARLOIR_FINISH_LENGTH,
    /* The caller interrupted or hung up. */
    PARLOIR_FINISH_INTERRUPTED,
    /* The provider's own filter. */
    PARLOIR_FINISH_FILTERED,
} parloir_finish;

typedef struct parloir_answer {
    const char *text;
    const parloir_tool_call *tool_calls;
    size_t tool_calls_count;
    parloir_finish finish;
    uint32_t input_tokens;
    uint32_t output_tokens;
    /* The model that answered, as its provider names it. */
    const char *model;
} parloir_answer;

/* Whether the line has a model and the agent may use it. */
bool parloir_model_available(void);
/* Asks the model and waits for the whole answer. Refused: NOT_PERMITTED without PARLOIR_NEEDS_MODEL;
 * OVER_QUOTA past the call's tokens; UNAVAILABLE when no model is configured or all failed. */
parloir_refusal parloir_model_chat(const parloir_chat *chat, parloir_answer *answer);
/* Asks the model and speaks its answer as it is written: parloir_model_reply(&chat, &heard, &answer,
 * options...). Put `heard.text` in the next message, not `answer.text`. */
#define parloir_model_reply(chat, heard, answer, ...) \
    parloir_model_reply_with((chat), (heard), (answer), (parloir_options){__VA_ARGS__})
parloir_refusal parloir_model_reply_with(const parloir_chat *chat, parloir_heard *heard,
                                         parloir_answer *answer, parloir_options options);

/* ---- Time, chance, notes ---------------------------------------------------------------------- */

/* Civil time in the line's time zone. */
parloir_time parloir_now(void);
/* The day of the week now: 1 for Monday to 7 for Sunday. */
uint8_t parloir_weekday(void);
/* Milliseconds since the call was answered. */
uint32_t parloir_elapsed(void);

/* Fills `buffer`; at most 4096 bytes. Says how many it filled. */
size_t parloir_random(void *buffer, size_t count);

typedef enum parloir_level {
    PARLOIR_LEVEL_DEBUG,
    PARLOIR_LEVEL_INFO,
    PARLOIR_LEVEL_WARN,
    PARLOIR_LEVEL_ERROR,
} parloir_level;

/* Text made as printf makes it, of %s %c %d %i %u %x %ld %lu %lld %llu %zu %% with the flags 0 and - and
 * a width; %s of NULL is empty. Floating point is not among them: a sentence says a number in words. */
const char *parloir_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The first `length` bytes of a text that has as many, as a text of its own. */
const char *parloir_part(const char *text, size_t length);

/* A note in the call's journal, made as parloir_text makes it; over 2000 characters it is cut. */
void parloir_log(parloir_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define parloir_debug(...) parloir_log(PARLOIR_LEVEL_DEBUG, __VA_ARGS__)
#define parloir_info(...) parloir_log(PARLOIR_LEVEL_INFO, __VA_ARGS__)
#define parloir_warn(...) parloir_log(PARLOIR_LEVEL_WARN, __VA_ARGS__)
#define parloir_error(...) parloir_log(PARLOIR_LEVEL_ERROR, __VA_ARGS__)

/* Stops the agent for a reason that is a bug of its own; the journal has the reason and the place. */
#define parloir_panic(...) parloir_stop(__FILE__, __LINE__, __func__, parloir_text(__VA_ARGS__))
_Noreturn void parloir_stop(const char *file, int line, const char *function, const char *why);

#endif
