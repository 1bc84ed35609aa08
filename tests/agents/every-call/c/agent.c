/* Makes every call of the contract once, passing on what it is answered, in the order of ../go/main.go:
 * the tests hold both to the same host calls. Or fails, as the line's setting `fail` says. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <parloir.h>

static const char *refused(parloir_refusal refusal) {
    static const char *const kinds[] = {"ok", "not permitted", "over quota", "unavailable", "invalid"};
    return parloir_text("%s: %s", kinds[refusal], refusal ? parloir_reason() : "");
}

static void note(const char *name, const char *value) {
    if (parloir_report_other(name, value)) parloir_panic("the report refuses %s", name);
}

static const char *yes(bool yes) { return yes ? "yes" : "no"; }

static const char *at(parloir_time t) {
    return parloir_text("%04ld-%02u-%02u %02u:%02u", (long)t.year, t.month, t.day, t.hour, t.minute);
}

static const char *turn(parloir_turn turn) {
    switch (turn.kind) {
    case PARLOIR_SPEECH:
        return parloir_text("%s in %s, %s over the agent, %s", turn.text, turn.language, yes(turn.over_agent),
                            turn.confidence == 0.75f ? "0.75" : "?");
    case PARLOIR_DIGITS: return parloir_text("keys %s", turn.text);
    case PARLOIR_SILENCE: return "silence";
    case PARLOIR_HUNG_UP: return "hung up";
    }
    __builtin_unreachable();
}

static const char *appointment(const parloir_appointment *a) {
    return parloir_text("%s, %s at %s for %u min, %s %s, %s", a->reference, a->slot.id, at(a->slot.start),
                        a->slot.minutes, a->contact.name, a->contact.phone, a->motive);
}

static void conversation(const parloir_call *call) {
    note("call", parloir_text("%s %s %s %s %s", call->id, yes(call->outbound), call->line,
                              call->caller ? call->caller : "withheld", at(call->started_at)));
    note("setting", parloir_setting(call, "padded"));
    note("no setting", parloir_setting(call, "blank") ? "there" : "none");
    parloir_heard heard;
    parloir_sentence("Bonjour.", &heard, .barge_in = PARLOIR_BARGE_IN_NEVER, .language = "fr-FR");
    note("heard", parloir_text("%s %s %lu", heard.text, yes(heard.whole), (unsigned long)heard.played));
    note("say", refused(parloir_say("refuse")));
    parloir_play("chime", .barge_in = PARLOIR_BARGE_IN_BY_KEYS);
    parloir_reply reply;
    parloir_ask("Combien ?", &reply, .expecting = PARLOIR_EXPECTING_DIGITS, .patience = 8000, .max_digits = 4,
                .finish_on = '#');
    note("reply", parloir_text("%s; %s", reply.heard.text, turn(reply.turn)));
    for (int i = 0; i < 3; i++) {
        parloir_turn next;
        parloir_listen(&next);
        note("turn", turn(next));
    }
    parloir_handover handover;
    if (parloir_transfer("+33100000001", "Un instant.", &handover) || handover != PARLOIR_HANDOVER_BUSY)
        parloir_panic("a busy line");
    note("transfer", refused(parloir_transfer("", NULL, &handover)));
    parloir_consent(true);
    note("consent", refused(parloir_consent(false)));
    parloir_pause_recording();
    parloir_resume_recording();
}

static void appointments(void) {
    parloir_slots slots;
    const parloir_time from = {2026, 11, 24, 0, 0};
    parloir_free(&slots, .from = &from, .weekdays = PARLOIR_TUESDAY | PARLOIR_SUNDAY, .earliest = 540,
                 .latest = 720, .limit = 5);
    const parloir_slot *second = &slots.items[1];
    note("slots", parloir_text("%zu, %s at %s for %u min", slots.count, second->id, at(second->start), second->minutes));
    note("free", refused(parloir_free(&slots)));
    parloir_appointment booked;
    bool taken;
    parloir_book(second->id, (parloir_contact){"Jean Dupont", "+33612345678"}, "projet", &booked, &taken);
    note("booked", parloir_text("%s %s", yes(!taken), appointment(&booked)));
    parloir_reschedule(booked.reference, "other", &booked, &taken);
    note("moved", yes(!taken));
    parloir_appointments found;
    parloir_find("+33612345678", &found);
    note("found", parloir_text("%zu %s", found.count, appointment(&found.items[0])));
    bool cancelled;
    parloir_cancel("A7K2P9", &cancelled);
    note("cancelled", yes(cancelled));
    parloir_report_contact((parloir_contact){"Jean Dupont", NULL});
    parloir_report_need("besoin");
    parloir_report_appointment(&booked);
    parloir_report_status(PARLOIR_STATUS_OUT_OF_SCOPE);
    parloir_report_summary("résumé");
}

static void stores(void) {
    parloir_bytes value;
    parloir_memory_get("there", &value);
    note("there", value.data);
    parloir_memory_get("absent", &value);
    note("absent", value.data == NULL ? "none" : "some");
    parloir_memory_set("key", (parloir_bytes){"value", 5});
    bool done;
    parloir_memory_compare_and_set("key", (parloir_bytes){"value", 5}, (parloir_bytes){"new", 3}, &done);
    note("exchanged", yes(done));
    parloir_memory_compare_and_set("key", (parloir_bytes){}, (parloir_bytes){"new", 3}, &done);
    parloir_memory_delete("key");
    parloir_names names;
    parloir_documents_list(&names);
    note("documents", parloir_text("%zu %s %s", names.count, names.items[0], names.items[1]));
    const char *text;
    parloir_documents_read(names.items[0], &text);
    note("document", text);
    parloir_passages passages;
    parloir_documents_search("tarif", 3, &passages);
    note("passage", parloir_text("%zu %s %s %s", passages.count, passages.items[0].document, passages.items[0].text,
                                 passages.items[0].score == 0.5f ? "0.5" : "?"));
}

static const char *answered(parloir_refusal refusal, const parloir_connector_answer *answer) {
    return refusal ? refused(refusal) : parloir_text("%u %s", (unsigned)answer->status, answer->body);
}

static void services(const parloir_call *call) {
    const parloir_names names = parloir_connectors_list();
    note("connectors", parloir_text("%zu %s", names.count, names.count ? names.items[0] : "none"));
    parloir_connector_answer answer;
    parloir_refusal refusal =
        parloir_connectors_send("crm", "customers/42", &answer, .query = {{"phone", call->caller}});
    note("customer", answered(refusal, &answer));
    refusal = parloir_connectors_send("crm", "visits", &answer, .method = PARLOIR_METHOD_POST,
                                      .query = {{"soon", "oui & non"}, {"soon", ""}}, .body = "{\"day\":\"mardi\"}");
    note("visit", answered(refusal, &answer));
}

static void models(void) {
    note("model", yes(parloir_model_available()));
    const parloir_tool_call asked = {"1", "slots", "{}"};
    const parloir_message messages[] = {
        {.role = PARLOIR_SYSTEM, .text = "be brief"},
        {.role = PARLOIR_USER, .text = "hello"},
        {.role = PARLOIR_ASSISTANT, .text = "", .tool_calls = &asked, .tool_calls_count = 1},
        {.role = PARLOIR_TOOL_RESULT, .id = "1", .text = "none"},
    };
    const parloir_tool tool = {"slots", "free slots", "{\"type\":\"object\"}"};
    const float temperature = 0.25f;
    const parloir_chat chat = {messages, 4, &tool, 1, 100, &temperature};
    parloir_answer answer;
    parloir_model_chat(&chat, &answer);
    note("chat", parloir_text("%s %s(%s) %d %lu %lu %s", answer.text, answer.tool_calls[0].name,
                              answer.tool_calls[0].arguments, (int)answer.finish, (unsigned long)answer.input_tokens,
                              (unsigned long)answer.output_tokens, answer.model));
    parloir_heard heard;
    const parloir_chat brief = {.messages = messages, .messages_count = 1};
    parloir_model_reply(&brief, &heard, &answer, .language = "en-GB");
    note("reply", parloir_text("%s of %s", heard.text, answer.text));
}

static const char *wish(parloir_wish wish) {
    return parloir_text("%s to %s, %u, %u-%u, %s %u", wish.from ? at(*wish.from) : "", wish.until ? at(*wish.until) : "",
                        wish.weekdays, wish.earliest, wish.latest, yes(wish.has_at), wish.at);
}

static void understanding(const parloir_call *call) {
    const char *fr = "fr-FR";
    const parloir_time now = parloir_now();
    bool said;
    note("yes", parloir_yes_no("oui, bien sûr", fr, &said) ? yes(said) : "unclear");
    note("unclear", parloir_yes_no("je ne sais pas", fr, &said) ? yes(said) : "unclear");
    note("digits", parloir_digits("zéro six, douze", fr));
    uint32_t number;
    if (parloir_number("quinze mille", fr, &number)) note("number", parloir_text("%lu", (unsigned long)number));
    parloir_quantity amount;
    if (parloir_amount("au moins deux mille euros", fr, &amount))
        note("amount", parloir_text("%s %lu %s %s", yes(amount.has_least), (unsigned long)amount.least,
                                    yes(amount.has_most), amount.currency));
    parloir_wish first, second;
    if (!parloir_when("mardi après-midi", fr, now, &first) || !parloir_when("à 15h30", fr, now, &second))
        parloir_panic("two wishes");
    note("wish", wish(first));
    const parloir_wish both = parloir_refine(&first, &second);
    note("both", wish(both));
    note("around", wish(parloir_around(&both, 60)));
    note("fits", yes(parloir_fits(&both, (parloir_time){2026, 11, 24, 15, 30})));
    const parloir_wanted wanted = parloir_wanted_for(&both);
    parloir_slots slots;
    parloir_free_with(&slots, &wanted);
    note("phone", parloir_phone("06 12 34 56 78", fr, call->line));
    note("no phone", parloir_phone("12", fr, call->line) ? "some" : "none");
    parloir_caller_name name;
    if (parloir_name("Jean Dupont", fr, &name)) note("name", parloir_text("%s %s", name.text, yes(name.spelled)));
    static const char *const options[] = {"ce mois-ci", "plus tard"};
    parloir_choice choice = parloir_choose("plus tard", fr, options, 2);
    note("choice", parloir_text("%d %lu", (int)choice.kind, (unsigned long)choice.offer));
    const parloir_time offers[] = {{2026, 11, 24, 10, 0}, {2026, 11, 25, 10, 0}};
    choice = parloir_choose_moment("plutôt vendredi", fr, offers, 2, now);
    note("moment", parloir_text("%d %s", (int)choice.kind, wish(choice.rather)));
    const parloir_intents intents = parloir_intents_of("je voudrais parler à un conseiller, au revoir", fr);
    note("intents", parloir_text("%zu %x", intents.count, intents.all));
    parloir_relative relative;
    if (parloir_relative_wish("plus tôt", fr, &relative)) note("relative", parloir_text("%d", (int)relative));
    note("noise", yes(parloir_is_noise("[Musique]")));
    note("once", parloir_once("Bonjour. Bonjour. Bonjour."));
    const char *tag = parloir_language_of("I would like to speak to somebody about the house");
    note("language", tag ? tag : "none");
    note("date", parloir_say_date(offers[0], fr));
    note("time", parloir_say_time(offers[0], fr));
    note("moment", parloir_say_moment(offers[0], &now, fr));
    note("then", parloir_say_moment(offers[0], NULL, fr));
    note("number", parloir_say_number(15000, fr));
    note("phone", parloir_say_phone("+33612345678", fr));
    note("spelled", parloir_say_spelled("A7K2P9"));
    note("list", parloir_say_list(options, 2, PARLOIR_OR, fr));
}

static void around(void) {
    note("now", parloir_text("%s, day %u, %lu ms", at(parloir_now()), parloir_weekday(), (unsigned long)parloir_elapsed()));
    uint8_t bytes[4];
    const size_t count = parloir_random(bytes, sizeof bytes);
    note("random", parloir_text("%zu %02x%02x%02x%02x", count, bytes[0], bytes[1], bytes[2], bytes[3]));
    parloir_debug("%s", "a note");
    parloir_warn("%5d|%-5d|%05d|%c|%%", -42, 42, -42, 'x');
}

static void ended(parloir_end end, const char *value) {
    static const char *const ends[] = {"answer",        "human",   "goodbye", "silent",
                                       "misunderstood", "hung up", "refused"};
    note(ends[end], end == PARLOIR_END_ANSWER ? value : "");
}

static bool sesame(const parloir_said *said, void *answer) {
    if (said->keys || strcmp(said->text, "sésame") != 0) return false;
    *(const char **)answer = said->language;
    return true;
}

/* One question of each kind until it is answered, and one for each other end. */
static void until(void) {
    bool said = false;
    ended(parloir_ask_until_yes_no("Oui ?", &said, .again = {"Oui ou non ?", "Alors ?"}), yes(said));
    static const char *const options[] = {"un conseiller", "un devis"};
    parloir_choice choice = {};
    parloir_end end = parloir_ask_until_choose("Quoi ?", options, 2, &choice);
    ended(end, parloir_text("%d %lu", (int)choice.kind, (unsigned long)choice.offer));
    const parloir_time offers[] = {{2026, 11, 24, 10, 0}, {2026, 11, 25, 10, 0}};
    end = parloir_ask_until_choose_moment("Lequel ?", offers, 2, &choice);
    ended(end, parloir_text("%d %lu", (int)choice.kind, (unsigned long)choice.offer));
    parloir_wish when = {};
    end = parloir_ask_until_when("Quand ?", &when);
    ended(end, wish(when));
    const char *text = "";
    end = parloir_ask_until_phone("Quel numéro ?", &text);
    ended(end, text);
    end = parloir_ask_until_digits("Quel code ?", 4, 6, &text, .tries = 2, .language = "en-GB");
    ended(end, text);
    uint32_t number = 0;
    end = parloir_ask_until_number("Combien ?", &number, .patience = 4000);
    ended(end, parloir_text("%lu", (unsigned long)number));
    parloir_quantity amount = {};
    end = parloir_ask_until_amount("Quel prix ?", &amount, .barge_in = PARLOIR_BARGE_IN_NEVER);
    ended(end, parloir_text("%lu", (unsigned long)amount.least));
    parloir_caller_name name = {};
    end = parloir_ask_until_name("Quel nom ?", &name);
    ended(end, name.text);
    end = parloir_ask_until_read("Le mot ?", sesame, &text);
    ended(end, text);
    for (int i = 0; i < 6; i++) ended(parloir_ask_until_yes_no("Encore ?", &said), "");
    ended(parloir_ask_until_yes_no("refuse", &said), "");
}

static parloir_outcome answer(const parloir_call *call) {
    const char *fail = parloir_setting(call, "fail");
    if (fail != NULL && strcmp(fail, "assert") == 0) assert(call->line[0] == '-');
    if (fail != NULL && strcmp(fail, "abort") == 0) abort();
    if (fail != NULL && strcmp(fail, "panic") == 0) parloir_panic("asked to %s", fail);
    if (fail != NULL && strcmp(fail, "until") == 0) {
        until();
        return parloir_done();
    }
    if (fail != NULL && strcmp(fail, "give-up") == 0) return parloir_failed(refused(parloir_say("refuse")));
    conversation(call);
    appointments();
    stores();
    services(call);
    models();
    understanding(call);
    around();
    parloir_hang_up();
    return parloir_call_back();
}

PARLOIR_AGENT(answer, "every-call", "0.1.0", .languages = {"fr-FR", "en-GB"},
              .needs = PARLOIR_NEEDS_MODEL | PARLOIR_NEEDS_CALENDAR | PARLOIR_NEEDS_MEMORY |
                       PARLOIR_NEEDS_DOCUMENTS | PARLOIR_NEEDS_CONNECTORS | PARLOIR_NEEDS_TRANSFER);
