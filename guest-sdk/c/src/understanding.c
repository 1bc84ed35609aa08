/* What the caller means, and saying things back: the host's one implementation for every language. */

#include "inside.h"

enum { LIMIT = 2, DAYS = 7 };

typedef parloir_agent_understanding_wish_t host_wish;

static const parloir_time *kept(bool is_some, parloir_agent_types_local_time_t time) {
    if (!is_some) return NULL;
    parloir_time *copy = parloir_room(sizeof *copy);
    *copy = parloir_time_from(time);
    return copy;
}

static parloir_wish wish_from(const host_wish *wish) {
    unsigned weekdays = 0;
    for (size_t i = 0; i < wish->weekdays.len; i++) weekdays |= 1u << wish->weekdays.ptr[i];
    return (parloir_wish){
        .from = kept(wish->from.is_some, wish->from.val),
        .until = kept(wish->until.is_some, wish->until.val),
        .weekdays = weekdays,
        .earliest = wish->earliest.is_some ? wish->earliest.val : 0,
        .latest = wish->latest.is_some ? wish->latest.val : 0,
        .has_at = wish->at.is_some,
        .at = wish->at.is_some ? wish->at.val : 0,
    };
}

/* `days` has room for DAYS. */
static host_wish wish_to(const parloir_wish *wish, parloir_agent_types_weekday_t *days) {
    host_wish made = {
        .from = {.is_some = wish->from != NULL},
        .until = {.is_some = wish->until != NULL},
        .weekdays = {days, 0},
        .earliest = {.is_some = wish->earliest != 0, .val = wish->earliest},
        .latest = {.is_some = wish->latest != 0, .val = wish->latest},
        .at = {.is_some = wish->has_at, .val = wish->at},
    };
    if (wish->from != NULL) made.from.val = parloir_time_to(*wish->from);
    if (wish->until != NULL) made.until.val = parloir_time_to(*wish->until);
    for (uint8_t day = 0; day < DAYS; day++)
        if (wish->weekdays & (1u << day)) days[made.weekdays.len++] = day;
    return made;
}

/* ---- Reading ---------------------------------------------------------------------------------- */

bool parloir_yes_no(const char *text, const char *language, bool *yes) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    return parloir_agent_understanding_yes_no(&words, &tag, yes);
}

const char *parloir_digits(const char *text, const char *language) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language), digits;
    parloir_agent_understanding_digits(&words, &tag, &digits);
    return parloir_from(digits);
}

bool parloir_number(const char *text, const char *language, uint32_t *number) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    return parloir_agent_understanding_number(&words, &tag, number);
}

bool parloir_amount(const char *text, const char *language, parloir_quantity *quantity) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    parloir_agent_understanding_quantity_t found;
    if (!parloir_agent_understanding_amount(&words, &tag, &found)) return false;
    *quantity = (parloir_quantity){
        .has_least = found.least.is_some,
        .least = found.least.is_some ? found.least.val : 0,
        .has_most = found.most.is_some,
        .most = found.most.is_some ? found.most.val : 0,
        .currency = found.currency.is_some ? parloir_from(found.currency.val) : NULL,
    };
    return true;
}

bool parloir_when(const char *text, const char *language, parloir_time now, parloir_wish *wish) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    parloir_agent_types_local_time_t moment = parloir_time_to(now);
    host_wish found;
    if (!parloir_agent_understanding_when(&words, &tag, &moment, &found)) return false;
    *wish = wish_from(&found);
    return true;
}

parloir_wish parloir_refine(const parloir_wish *wish, const parloir_wish *newer) {
    parloir_agent_types_weekday_t days[DAYS], newer_days[DAYS];
    host_wish before = wish_to(wish, days), after = wish_to(newer, newer_days), both;
    parloir_agent_understanding_refine(&before, &after, &both);
    return wish_from(&both);
}

parloir_wish parloir_around(const parloir_wish *wish, uint16_t minutes) {
    parloir_agent_types_weekday_t days[DAYS];
    host_wish exact = wish_to(wish, days), wide;
    parloir_agent_understanding_around(&exact, minutes, &wide);
    return wish_from(&wide);
}

bool parloir_fits(const parloir_wish *wish, parloir_time moment) {
    parloir_agent_types_weekday_t days[DAYS];
    host_wish wished = wish_to(wish, days);
    parloir_agent_types_local_time_t time = parloir_time_to(moment);
    return parloir_agent_understanding_fits(&wished, &time);
}

parloir_wanted parloir_wanted_for(const parloir_wish *wish) {
    return (parloir_wanted){
        .from = wish->from,
        .until = wish->until,
        .weekdays = wish->weekdays,
        .earliest = wish->has_at ? wish->at : wish->earliest,
        .latest = wish->has_at ? (uint16_t)(wish->at + 1) : wish->latest,
        .limit = LIMIT,
    };
}

const char *parloir_phone(const char *text, const char *language, const char *home) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language), line = parloir_to(home), number;
    return parloir_agent_understanding_phone(&words, &tag, &line, &number) ? parloir_from(number) : NULL;
}

bool parloir_name(const char *text, const char *language, parloir_caller_name *name) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    parloir_agent_understanding_caller_name_t found;
    if (!parloir_agent_understanding_name(&words, &tag, &found)) return false;
    *name = (parloir_caller_name){parloir_from(found.text), found.spelled};
    return true;
}

static parloir_choice choice_from(const parloir_agent_understanding_choice_t *choice) {
    parloir_choice made = {.kind = (parloir_choice_kind)choice->tag};
    if (made.kind == PARLOIR_CHOICE_OFFER) made.offer = choice->val.offer;
    if (made.kind == PARLOIR_CHOICE_RATHER) made.rather = wish_from(&choice->val.rather);
    return made;
}

static contract_list_string_t texts_to(const char *const *texts, size_t count) {
    contract_string_t *items = parloir_room(count * sizeof *items);
    for (size_t i = 0; i < count; i++) items[i] = parloir_to(texts[i]);
    return (contract_list_string_t){items, count};
}

parloir_choice parloir_choose(const char *text, const char *language, const char *const *options, size_t count) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    contract_list_string_t offers = texts_to(options, count);
    parloir_agent_understanding_choice_t choice;
    parloir_agent_understanding_choose(&words, &tag, &offers, &choice);
    return choice_from(&choice);
}

parloir_choice parloir_choose_moment(const char *text, const char *language, const parloir_time *offers,
                                     size_t count, parloir_time now) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    parloir_agent_types_local_time_t *items = parloir_room(count * sizeof *items);
    for (size_t i = 0; i < count; i++) items[i] = parloir_time_to(offers[i]);
    parloir_agent_understanding_list_local_time_t moments = {items, count};
    parloir_agent_types_local_time_t moment = parloir_time_to(now);
    parloir_agent_understanding_choice_t choice;
    parloir_agent_understanding_choose_moment(&words, &tag, &moments, &moment, &choice);
    return choice_from(&choice);
}

parloir_intents parloir_intents_of(const char *text, const char *language) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    parloir_agent_understanding_list_intent_t found;
    parloir_agent_understanding_intents(&words, &tag, &found);
    parloir_intent *items = parloir_room(found.len * sizeof *items);
    unsigned all = 0;
    for (size_t i = 0; i < found.len; i++) {
        items[i] = (parloir_intent)(1u << found.ptr[i]);
        all |= items[i];
    }
    return (parloir_intents){items, found.len, all};
}

bool parloir_relative_wish(const char *text, const char *language, parloir_relative *relative) {
    contract_string_t words = parloir_to(text), tag = parloir_to(language);
    parloir_agent_understanding_relative_t found;
    if (!parloir_agent_understanding_relative_wish(&words, &tag, &found)) return false;
    *relative = (parloir_relative)found;
    return true;
}

bool parloir_is_noise(const char *text) {
    contract_string_t words = parloir_to(text);
    return parloir_agent_understanding_is_noise(&words);
}

const char *parloir_once(const char *text) {
    contract_string_t words = parloir_to(text), once;
    parloir_agent_understanding_once(&words, &once);
    return parloir_from(once);
}

const char *parloir_language_of(const char *text) {
    contract_string_t words = parloir_to(text), tag;
    return parloir_agent_understanding_language_of(&words, &tag) ? parloir_from(tag) : NULL;
}

/* ---- Saying back ------------------------------------------------------------------------------ */

const char *parloir_say_date(parloir_time date, const char *language) {
    contract_string_t tag = parloir_to(language), said;
    parloir_agent_types_local_time_t day = parloir_time_to(date);
    parloir_agent_understanding_say_date(&day, &tag, &said);
    return parloir_from(said);
}

const char *parloir_say_time(parloir_time time, const char *language) {
    contract_string_t tag = parloir_to(language), said;
    parloir_agent_types_local_time_t moment = parloir_time_to(time);
    parloir_agent_understanding_say_time(&moment, &tag, &said);
    return parloir_from(said);
}

const char *parloir_say_moment(parloir_time moment, const parloir_time *now, const char *language) {
    contract_string_t tag = parloir_to(language), said;
    parloir_agent_types_local_time_t time = parloir_time_to(moment);
    parloir_agent_types_local_time_t present = now == NULL ? time : parloir_time_to(*now);
    parloir_agent_understanding_say_moment(&time, now == NULL ? NULL : &present, &tag, &said);
    return parloir_from(said);
}

const char *parloir_say_number(uint32_t number, const char *language) {
    contract_string_t tag = parloir_to(language), said;
    parloir_agent_understanding_say_number(number, &tag, &said);
    return parloir_from(said);
}

const char *parloir_say_phone(const char *phone, const char *language) {
    contract_string_t number = parloir_to(phone), tag = parloir_to(language), said;
    parloir_agent_understanding_say_phone(&number, &tag, &said);
    return parloir_from(said);
}

const char *parloir_say_spelled(const char *text) {
    contract_string_t words = parloir_to(text), said;
    parloir_agent_understanding_say_spelled(&words, &said);
    return parloir_from(said);
}

const char *parloir_say_list(const char *const *items, size_t count, parloir_conjunction conjunction,
                             const char *language) {
    contract_list_string_t list = texts_to(items, count);
    contract_string_t tag = parloir_to(language), said;
    parloir_agent_understanding_say_list(&list, (parloir_agent_understanding_conjunction_t)conjunction, &tag,
                                         &said);
    return parloir_from(said);
}
