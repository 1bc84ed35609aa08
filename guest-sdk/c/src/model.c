/* The language model the operator configured, if any. */

#include "inside.h"

static parloir_agent_model_list_tool_call_t tool_calls_to(const parloir_tool_call *calls, size_t count) {
    parloir_agent_model_tool_call_t *items = parloir_room(count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (parloir_agent_model_tool_call_t){parloir_to(calls[i].id), parloir_to(calls[i].name),
                                                     parloir_to(calls[i].arguments)};
    return (parloir_agent_model_list_tool_call_t){items, count};
}

static parloir_agent_model_message_t message_to(const parloir_message *message) {
    contract_string_t text = parloir_to(message->text);
    switch (message->role) {
    case PARLOIR_SYSTEM:
        return (parloir_agent_model_message_t){.tag = PARLOIR_AGENT_MODEL_MESSAGE_SYSTEM, .val.system = text};
    case PARLOIR_USER:
        return (parloir_agent_model_message_t){.tag = PARLOIR_AGENT_MODEL_MESSAGE_USER, .val.user = text};
    case PARLOIR_ASSISTANT:
        return (parloir_agent_model_message_t){
            .tag = PARLOIR_AGENT_MODEL_MESSAGE_ASSISTANT,
            .val.assistant = {text, tool_calls_to(message->tool_calls, message->tool_calls_count)}};
    case PARLOIR_TOOL_RESULT:
        return (parloir_agent_model_message_t){.tag = PARLOIR_AGENT_MODEL_MESSAGE_TOOL,
                                               .val.tool = {parloir_to(message->id), text}};
    }
    parloir_panic("a message of no role that is known: %d", (int)message->role);
}

static parloir_agent_model_list_message_t messages_to(const parloir_chat *chat) {
    parloir_agent_model_message_t *items = parloir_room(chat->messages_count * sizeof *items);
    for (size_t i = 0; i < chat->messages_count; i++) items[i] = message_to(&chat->messages[i]);
    return (parloir_agent_model_list_message_t){items, chat->messages_count};
}

static parloir_agent_model_chat_options_t options_to(const parloir_chat *chat) {
    parloir_agent_model_tool_t *tools = parloir_room(chat->tools_count * sizeof *tools);
    for (size_t i = 0; i < chat->tools_count; i++)
        tools[i] = (parloir_agent_model_tool_t){parloir_to(chat->tools[i].name),
                                                parloir_to(chat->tools[i].description),
                                                parloir_to(chat->tools[i].parameters)};
    return (parloir_agent_model_chat_options_t){
        .max_tokens = chat->max_tokens,
        .temperature = {.is_some = chat->temperature != NULL,
                        .val = chat->temperature == NULL ? 0 : *chat->temperature},
        .tools = {tools, chat->tools_count},
    };
}

static parloir_answer answer_from(const parloir_agent_model_answer_t *answer) {
    parloir_tool_call *calls = parloir_room(answer->tool_calls.len * sizeof *calls);
    for (size_t i = 0; i < answer->tool_calls.len; i++) {
        const parloir_agent_model_tool_call_t *call = &answer->tool_calls.ptr[i];
        calls[i] = (parloir_tool_call){parloir_from(call->id), parloir_from(call->name),
                                       parloir_from(call->arguments)};
    }
    return (parloir_answer){
        .text = parloir_from(answer->text),
        .tool_calls = calls,
        .tool_calls_count = answer->tool_calls.len,
        .finish = (parloir_finish)answer->finish,
        .input_tokens = answer->usage.input_tokens,
        .output_tokens = answer->usage.output_tokens,
        .model = parloir_from(answer->model),
    };
}

bool parloir_model_available(void) { return parloir_agent_model_available(); }

parloir_refusal parloir_model_chat(const parloir_chat *chat, parloir_answer *answer) {
    parloir_agent_model_list_message_t messages = messages_to(chat);
    parloir_agent_model_chat_options_t options = options_to(chat);
    parloir_agent_model_answer_t result;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_model_chat(&messages, &options, &result, &refusal)) return parloir_refused(&refusal);
    *answer = answer_from(&result);
    return PARLOIR_OK;
}

parloir_refusal parloir_model_reply_with(const parloir_chat *chat, parloir_heard *heard, parloir_answer *answer,
                                         parloir_options options) {
    parloir_agent_model_list_message_t messages = messages_to(chat);
    parloir_agent_model_chat_options_t how = options_to(chat);
    parloir_agent_call_say_options_t say = parloir_say_options(&options);
    parloir_agent_model_spoken_answer_t result;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_model_reply(&messages, &how, &say, &result, &refusal)) return parloir_refused(&refusal);
    *heard = parloir_heard_from(&result.heard);
    *answer = answer_from(&result.generated);
    return PARLOIR_OK;
}
