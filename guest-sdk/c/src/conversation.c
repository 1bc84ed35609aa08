/* Speaking, listening, handing over. */

#include "inside.h"

enum { PATIENCE = 6000 };

static parloir_agent_call_option_language_t language(const char *tag) {
    return tag == NULL ? (parloir_agent_call_option_language_t){.is_some = false}
                       : (parloir_agent_call_option_language_t){.is_some = true, .val = parloir_to(tag)};
}

parloir_agent_call_say_options_t parloir_say_options(const parloir_options *options) {
    return (parloir_agent_call_say_options_t){
        .barge_in = (parloir_agent_call_barge_in_t)options->barge_in,
        .language = language(options->language),
    };
}

static parloir_agent_call_listen_options_t listen_options(const parloir_options *options) {
    return (parloir_agent_call_listen_options_t){
        .patience = options->patience == 0 ? PATIENCE : options->patience,
        .expecting = (parloir_agent_call_expecting_t)options->expecting,
        .max_digits = options->max_digits,
        .finish_on = {.is_some = options->finish_on != 0, .val = (uint8_t)options->finish_on},
        .language = language(options->language),
    };
}

parloir_heard parloir_heard_from(const parloir_agent_call_heard_t *heard) {
    return (parloir_heard){parloir_from(heard->text), heard->whole, heard->played};
}

static parloir_turn turn_from(const parloir_agent_call_turn_t *turn) {
    switch (turn->tag) {
    case PARLOIR_AGENT_CALL_TURN_SPEECH:
        return (parloir_turn){
            .kind = PARLOIR_SPEECH,
            .text = parloir_from(turn->val.speech.text),
            .confidence = turn->val.speech.confidence,
            .language = parloir_from(turn->val.speech.language),
            .over_agent = turn->val.speech.over_agent,
        };
    case PARLOIR_AGENT_CALL_TURN_DIGITS:
        return (parloir_turn){.kind = PARLOIR_DIGITS, .text = parloir_from(turn->val.digits), .language = ""};
    case PARLOIR_AGENT_CALL_TURN_SILENCE:
        return (parloir_turn){.kind = PARLOIR_SILENCE, .text = "", .language = ""};
    case PARLOIR_AGENT_CALL_TURN_HUNG_UP:
        return (parloir_turn){.kind = PARLOIR_HUNG_UP, .text = "", .language = ""};
    }
    __builtin_unreachable();
}

parloir_refusal parloir_say_with(const char *text, parloir_heard *heard, parloir_options options) {
    contract_string_t words = parloir_to(text);
    parloir_agent_call_say_options_t say = parloir_say_options(&options);
    parloir_agent_call_heard_t played;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_call_say(&words, &say, &played, &refusal)) return parloir_refused(&refusal);
    if (heard != NULL) *heard = parloir_heard_from(&played);
    return PARLOIR_OK;
}

parloir_refusal parloir_play_with(const char *sound, parloir_options options) {
    contract_string_t name = parloir_to(sound);
    parloir_agent_call_say_options_t say = parloir_say_options(&options);
    parloir_agent_call_heard_t played;
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_call_play(&name, &say, &played, &refusal));
}

parloir_refusal parloir_ask_with(const char *question, parloir_reply *reply, parloir_options options) {
    contract_string_t words = parloir_to(question);
    parloir_agent_call_say_options_t say = parloir_say_options(&options);
    parloir_agent_call_listen_options_t listen = listen_options(&options);
    parloir_agent_call_tuple2_heard_turn_t answer;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_call_ask(&words, &say, &listen, &answer, &refusal)) return parloir_refused(&refusal);
    *reply = (parloir_reply){parloir_heard_from(&answer.f0), turn_from(&answer.f1)};
    return PARLOIR_OK;
}

parloir_refusal parloir_listen_with(parloir_turn *turn, parloir_options options) {
    parloir_agent_call_listen_options_t listen = listen_options(&options);
    parloir_agent_call_turn_t answer;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_call_listen(&listen, &answer, &refusal)) return parloir_refused(&refusal);
    *turn = turn_from(&answer);
    return PARLOIR_OK;
}

parloir_refusal parloir_transfer(const char *to, const char *announce, parloir_handover *handover) {
    contract_string_t number = parloir_to(to), sentence = parloir_to(announce);
    parloir_agent_call_transferred_t how;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_call_transfer(&number, announce == NULL ? NULL : &sentence, &how, &refusal))
        return parloir_refused(&refusal);
    *handover = (parloir_handover)how.tag;
    return PARLOIR_OK;
}

parloir_refusal parloir_consent(bool granted) {
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_call_consent(granted, &refusal));
}

parloir_refusal parloir_pause_recording(void) {
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_call_pause_recording(&refusal));
}

parloir_refusal parloir_resume_recording(void) {
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_call_resume_recording(&refusal));
}

void parloir_hang_up(void) { parloir_agent_call_hang_up(); }
