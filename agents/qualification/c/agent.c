/* Qualifies a lead in four questions, scores it, and acts: ../README.md is the script. */

#include <string.h>

#include "talk.h"

/* What the caller answered; what is absent is not known. */
typedef struct lead {
    const char *need;
    bool has_budget;
    uint32_t budget;
    const char *delay;
    const char *decider;
} lead;

static const char *or_unknown(const char *text) { return text == NULL ? "unknown" : text; }

/* ---- The greeting and its question ------------------------------------------------------------- */

/* Where the line's policy leaves no choice, that is the host's word. */
static void settle(talk *talk, bool agreed) {
    talk->settled = true;
    parloir_consent(agreed);
}

static bool greet(talk *talk) {
    const char *name = parloir_setting(talk->call, "company.name");
    if (name == NULL) name = both(talk, "notre société", "our company");
    const char *hello = both(talk,
        "Bonjour, %s. Je suis un assistant vocal, une intelligence artificielle. Cet appel peut être enregistré.",
        "Hello, this is %s. I am a voice assistant, an artificial intelligence. This call may be recorded.");
    bool agreed = false;
    if (!say(talk, parloir_text(hello, name), PARLOIR_BARGE_IN_NEVER)) return false;
    confirm(talk,
        both(talk, "Acceptez-vous d'être enregistré ? Dites oui ou non, ou tapez 1 ou 2.",
             "Do you agree to be recorded? Say yes or no, or press 1 or 2."),
        both(talk, "Acceptez-vous que l'appel soit enregistré ? Oui ou non.",
             "Do you agree to the recording? Yes or no."),
        &agreed);
    if (talk->stop != GOES_ON) return false;
    settle(talk, agreed);
    if (!agreed) tell(talk, both(talk, "Très bien, rien ne sera enregistré.", "Very well, nothing will be recorded."));
    return done(talk, parloir_report_other("recording", agreed ? "accepted" : "refused"));
}

/* ---- The four questions ------------------------------------------------------------------------ */

enum { LEAST_NEED = 3, MOST_NEED = 200 };

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The bytes of the first `most` characters, and how many characters that is. */
static size_t first_characters(const char *text, size_t most, size_t *count) {
    size_t bytes = 0;
    for (*count = 0; text[bytes] != 0; bytes++)
        if (((uint8_t)text[bytes] & 0xc0) != 0x80 && (*count)++ == most) {
            *count = most;
            break;
        }
    return bytes;
}

static bool read_need(const talk *, const char *text, bool keys, void *answer) {
    if (keys) return false;
    const char *said = parloir_once(text);
    while (blank(*said)) said++;
    size_t length = strlen(said), count;
    while (length > 0 && blank(said[length - 1])) length--;
    while (length > 0 && said[length - 1] == '.') length--;
    while (length > 0 && blank(said[length - 1])) length--;
    const char *trimmed = parloir_part(said, length);
    length = first_characters(trimmed, MOST_NEED, &count);
    *(const char **)answer = parloir_part(trimmed, length);
    return count >= LEAST_NEED;
}

static bool read_budget(const talk *talk, const char *text, bool, void *answer) {
    parloir_quantity amount;
    if (!parloir_amount(text, talk->language, &amount)) return false;
    *(uint32_t *)answer = amount.has_most ? amount.most : amount.least;
    return amount.has_most || amount.has_least;
}

static bool read_delay(const talk *talk, const char *text, bool keys, void *answer) {
    static const char *const delays[] = {"month", "quarter", "later"};
    static const char *const french[] = {"ce mois-ci", "dans les trois mois", "plus tard"};
    static const char *const english[] = {"this month", "within three months", "later"};
    size_t place = 3;
    if (keys) {
        if (strlen(text) == 1 && text[0] >= '1') place = (size_t)(text[0] - '1');
    } else {
        const parloir_choice choice = parloir_choose(text, talk->language, talk->french ? french : english, 3);
        if (choice.kind == PARLOIR_CHOICE_OFFER) place = choice.offer;
    }
    if (place >= 3) return false;
    *(const char **)answer = delays[place];
    return true;
}

/* Each is filed as soon as it is known. */
static bool inquire(talk *talk, lead *lead) {
    if (ask(talk, both(talk, "Quel est votre projet, en quelques mots ?", "What is your project, in a few words?"),
            both(talk, "Que recherchez-vous ?", "What are you looking for?"), (parloir_options){}, read_need,
            &lead->need)) {
        if (!done(talk, parloir_report_need(lead->need))) return false;
    } else {
        lead->need = NULL;
        if (talk->stop != GOES_ON) return false;
    }

    lead->has_budget = ask(talk,
        both(talk, "Quel budget prévoyez-vous, en euros ?", "What budget do you have in mind, in euros?"),
        both(talk, "Un ordre de grandeur suffit : combien d'euros ?", "A rough figure will do: how many euros?"),
        (parloir_options){.expecting = PARLOIR_EXPECTING_DIGITS, .finish_on = '#'}, read_budget, &lead->budget);
    if (talk->stop != GOES_ON) return false;
    const char *budget = lead->has_budget ? parloir_text("%lu", (unsigned long)lead->budget) : NULL;
    if (!done(talk, parloir_report_other("budget", or_unknown(budget)))) return false;

    ask(talk,
        both(talk, "Pour quand : ce mois-ci, dans les trois mois, ou plus tard ?",
             "For when: this month, within three months, or later?"),
        both(talk, "Tapez 1 pour ce mois-ci, 2 pour dans les trois mois, 3 pour plus tard.",
             "Press 1 for this month, 2 for within three months, 3 for later."),
        (parloir_options){.max_digits = 1}, read_delay, &lead->delay);
    if (talk->stop != GOES_ON) return false;
    if (!done(talk, parloir_report_other("delay", or_unknown(lead->delay)))) return false;

    bool decides;
    if (confirm(talk, both(talk, "Est-ce vous qui prenez la décision ?", "Is the decision yours?"),
                both(talk, "Décidez-vous vous-même, oui ou non ?", "Do you decide yourself, yes or no?"), &decides))
        lead->decider = decides ? "yes" : "no";
    if (talk->stop != GOES_ON) return false;
    return done(talk, parloir_report_other("decider", or_unknown(lead->decider)));
}

/* ---- The score --------------------------------------------------------------------------------- */

enum { MOST_FIGURES = 9 };

/* A setting of one to nine figures and nothing else, or what holds without it. */
static uint32_t threshold(const talk *talk, const char *name, uint32_t otherwise) {
    const char *said = parloir_setting(talk->call, name);
    if (said == NULL || strlen(said) > MOST_FIGURES || said[strspn(said, "0123456789")] != 0) return otherwise;
    uint32_t value = 0;
    for (; *said != 0; said++) value = value * 10 + (uint32_t)(*said - '0');
    return value;
}

static bool is(const char *text, const char *other) { return text != NULL && strcmp(text, other) == 0; }

static uint32_t points(const talk *talk, const lead *lead) {
    uint32_t points = lead->need == NULL ? 0 : 20;
    const uint32_t budget = lead->has_budget ? lead->budget : 0;
    if (budget >= threshold(talk, "budget.good", 10000)) points += 30;
    else if (budget >= threshold(talk, "budget.fair", 3000)) points += 15;
    if (is(lead->delay, "month")) points += 25;
    if (is(lead->delay, "quarter")) points += 15;
    if (is(lead->decider, "yes")) points += 25;
    return points;
}

static bool file(talk *talk, const lead *lead, uint32_t score, const char *class) {
    const char *number = parloir_text("%lu", (unsigned long)score);
    const char *budget = lead->has_budget ? parloir_text("%lu", (unsigned long)lead->budget) : "unknown";
    const char *summary = both(talk, "%s. Budget %s, délai %s, décideur %s. Score %s, %s.",
                               "%s. Budget %s, delay %s, decider %s. Score %s, %s.");
    return done(talk, parloir_report_other("score", number)) && done(talk, parloir_report_other("class", class)) &&
           done(talk, parloir_report_summary(parloir_text(summary, or_unknown(lead->need), budget,
                                                          or_unknown(lead->delay), or_unknown(lead->decider), number,
                                                          class)));
}

/* ---- How it ends ------------------------------------------------------------------------------- */

static parloir_outcome hung_up(talk *talk, parloir_status status, parloir_outcome outcome) {
    if (!done(talk, parloir_report_status(status))) return parloir_failed(parloir_reason());
    parloir_hang_up();
    return outcome;
}

static parloir_outcome cold(talk *talk) {
    const char *thanks = both(talk,
        "Merci, j'ai bien noté votre projet. Nous n'avons pas d'offre adaptée pour l'instant ; rappelez-nous quand "
        "il avancera. Au revoir.",
        "Thank you, I have noted your project. We have no suitable offer for now; call us again when it moves "
        "forward. Goodbye.");
    if (!say(talk, thanks, PARLOIR_BARGE_IN_BY_SPEECH)) return parloir_failed(parloir_reason());
    return hung_up(talk, PARLOIR_STATUS_OUT_OF_SCOPE, parloir_done());
}

static parloir_outcome call_back(talk *talk) {
    const char *promise = both(talk, "Un conseiller vous rappellera. Merci et au revoir.",
                               "An adviser will call you back. Thank you and goodbye.");
    if (!say(talk, promise, PARLOIR_BARGE_IN_BY_SPEECH)) return parloir_failed(parloir_reason());
    return hung_up(talk, PARLOIR_STATUS_CALL_BACK, parloir_call_back());
}

/* Whether the call ends here: somebody took it, or the caller did not wait. */
static bool handed_over(talk *talk, const char *announce, parloir_outcome *outcome) {
    parloir_handover handover;
    if (parloir_transfer("", led(talk, announce), &handover) != PARLOIR_OK) return false;
    if (handover == PARLOIR_HANDOVER_CALLER_GONE) {
        *outcome = parloir_abandoned();
        return true;
    }
    if (handover != PARLOIR_HANDOVER_ANSWERED) return false;
    *outcome = done(talk, parloir_report_status(PARLOIR_STATUS_HANDED_OVER)) ? parloir_transferred()
                                                                            : parloir_failed(parloir_reason());
    return true;
}

/* The caller wants a human being, or is not understood. */
static parloir_outcome human(talk *talk, bool lost) {
    if (!talk->settled) settle(talk, false);
    const char *announce =
        lost ? both(talk, "Je n'arrive pas à vous comprendre. Je vous passe quelqu'un, ne quittez pas.",
                    "I am having trouble understanding. I will put you through, please hold.")
             : both(talk, "Je vous passe quelqu'un, ne quittez pas.",
                    "I will put you through to somebody, please hold.");
    parloir_outcome outcome;
    return handed_over(talk, announce, &outcome) ? outcome : call_back(talk);
}

static parloir_outcome stopped(talk *talk) {
    switch (talk->stop) {
    case GONE: return parloir_abandoned();
    case HUMAN: return human(talk, false);
    case LOST: return human(talk, true);
    case REFUSED: return parloir_failed(parloir_reason());
    case GOES_ON: break;
    }
    parloir_panic("a talk that goes on was taken for ended");
}

/* ---- Who the caller is ------------------------------------------------------------------------- */

static bool read_name(const talk *talk, const char *text, bool keys, void *answer) {
    parloir_caller_name name;
    if (keys || !parloir_name(text, talk->language, &name)) return false;
    *(const char **)answer = name.text;
    return true;
}

static bool read_phone(const talk *talk, const char *text, bool, void *answer) {
    const char *phone = parloir_phone(text, talk->language, talk->call->line);
    if (phone != NULL) *(const char **)answer = phone;
    return phone != NULL;
}

static bool who(talk *talk, parloir_contact *contact) {
    *contact = (parloir_contact){.name = both(talk, "inconnu", "unknown"), .phone = talk->call->caller};
    ask(talk, both(talk, "À quel nom, s'il vous plaît ?", "What name is it, please?"),
        both(talk, "Épelez votre nom, s'il vous plaît.", "Please spell your name."),
        (parloir_options){.expecting = PARLOIR_EXPECTING_NAME}, read_name, &contact->name);
    if (talk->stop != GOES_ON) return false;
    if (contact->phone == NULL)
        ask(talk, both(talk, "À quel numéro peut-on vous rappeler ?", "On which number can we call you back?"),
            both(talk, "Dites-le chiffre par chiffre, ou tapez-le puis dièse.",
                 "Say it digit by digit, or type it and then the hash key."),
            (parloir_options){.expecting = PARLOIR_EXPECTING_DIGITS, .finish_on = '#'}, read_phone, &contact->phone);
    return talk->stop == GOES_ON && done(talk, parloir_report_contact(*contact));
}

/* ---- An appointment ---------------------------------------------------------------------------- */

/* The offers, and the place of the one that is taken; `count` when none suits. */
typedef struct offers {
    parloir_slots slots;
    parloir_time now;
    size_t taken;
} offers;

static bool read_slot(const talk *talk, const char *text, bool keys, void *answer) {
    offers *offers = answer;
    const size_t count = offers->slots.count;
    if (keys) {
        if (strcmp(text, "1") != 0 && strcmp(text, "2") != 0) return false;
        offers->taken = (size_t)(text[0] - '1');
        return true;
    }
    parloir_time moments[2];
    for (size_t i = 0; i < count; i++) moments[i] = offers->slots.items[i].start;
    const parloir_choice choice = parloir_choose_moment(text, talk->language, moments, count, offers->now);
    switch (choice.kind) {
    case PARLOIR_CHOICE_OFFER: offers->taken = choice.offer; return true;
    case PARLOIR_CHOICE_ANY: offers->taken = 0; return true;
    case PARLOIR_CHOICE_YES: offers->taken = 0; return count == 1;
    case PARLOIR_CHOICE_NEITHER:
    case PARLOIR_CHOICE_RATHER: offers->taken = count; return true;
    case PARLOIR_CHOICE_UNCLEAR: return false;
    }
    __builtin_unreachable();
}

/* The slot that the caller takes; NULL for none. */
static const parloir_slot *choose(talk *talk, parloir_slots slots) {
    offers offers = {.slots = slots, .now = parloir_now()};
    const char *first = parloir_say_moment(slots.items[0].start, &offers.now, talk->language);
    const char *question, *brief;
    if (slots.count == 1) {
        question = parloir_text(both(talk, "Un conseiller peut vous rappeler %s. Cela vous convient ?",
                                     "An adviser can call you %s. Does that suit you?"), first);
        brief = both(talk, "Oui ou non ?", "Yes or no?");
    } else {
        const char *second = parloir_say_moment(slots.items[1].start, &offers.now, talk->language);
        question = parloir_text(both(talk, "Un conseiller peut vous rappeler %s, ou %s. Lequel préférez-vous ?",
                                     "An adviser can call you %s, or %s. Which do you prefer?"), first, second);
        brief = both(talk, "Le premier ou le deuxième ?", "The first or the second?");
    }
    const parloir_options options = {.expecting = PARLOIR_EXPECTING_DATE, .max_digits = 1};
    const bool answered = ask(talk, question, brief, options, read_slot, &offers);
    return answered && offers.taken < slots.count ? &slots.items[offers.taken] : NULL;
}

static parloir_outcome booked(talk *talk, const parloir_appointment *appointment) {
    if (!done(talk, parloir_report_appointment(appointment)) ||
        !done(talk, parloir_report_status(PARLOIR_STATUS_BOOKED)))
        return parloir_failed(parloir_reason());
    const char *noted = both(talk, "C'est noté : %s, référence %s. Merci et au revoir.",
                             "It is booked: %s, reference %s. Thank you and goodbye.");
    const char *moment = parloir_say_moment(appointment->slot.start, NULL, talk->language);
    if (!say(talk, parloir_text(noted, moment, parloir_say_spelled(appointment->reference)),
             PARLOIR_BARGE_IN_BY_SPEECH))
        return parloir_failed(parloir_reason());
    parloir_hang_up();
    return parloir_done();
}

static parloir_outcome warm(talk *talk, const lead *lead, parloir_contact contact) {
    for (int look = 0; look < 2; look++) {
        parloir_slots slots;
        if (parloir_free(&slots, .limit = 2) != PARLOIR_OK || slots.count == 0) return call_back(talk);
        const parloir_slot *slot = choose(talk, slots);
        if (talk->stop != GOES_ON) return stopped(talk);
        if (slot == NULL) return call_back(talk);
        parloir_appointment appointment;
        bool taken;
        if (parloir_book(slot->id, contact, or_unknown(lead->need), &appointment, &taken) != PARLOIR_OK)
            return call_back(talk);
        if (!taken) return booked(talk, &appointment);
        tell(talk, both(talk, "Ce créneau vient d'être pris.", "That time has just been taken."));
    }
    return call_back(talk);
}

/* ---- The call ---------------------------------------------------------------------------------- */

static parloir_outcome answer(const parloir_call *call) {
    talk talk = talk_of(call);
    lead lead = {};
    parloir_contact contact;
    if (!done(&talk, parloir_report_status(PARLOIR_STATUS_ABANDONED)) || !greet(&talk) || !inquire(&talk, &lead))
        return stopped(&talk);
    const uint32_t score = points(&talk, &lead);
    const bool hot = score >= threshold(&talk, "score.hot", 70);
    const bool is_warm = score >= threshold(&talk, "score.warm", 40);
    if (!file(&talk, &lead, score, hot ? "hot" : is_warm ? "warm" : "cold")) return stopped(&talk);
    if (!hot && !is_warm) return cold(&talk);
    if (!who(&talk, &contact)) return stopped(&talk);
    if (hot) {
        parloir_outcome outcome;
        const char *announce = both(&talk, "Merci. Je vous passe un conseiller, ne quittez pas.",
                                    "Thank you. I will put you through to an adviser, please hold.");
        if (handed_over(&talk, announce, &outcome)) return outcome;
        tell(&talk, both(&talk, "Personne n'est libre tout de suite.", "Nobody is free just now."));
    }
    return warm(&talk, &lead, contact);
}

PARLOIR_AGENT(answer, "qualification", "0.1.0", .languages = {"fr-FR", "en-GB"},
              .needs = PARLOIR_NEEDS_CALENDAR | PARLOIR_NEEDS_TRANSFER);
