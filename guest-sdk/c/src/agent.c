/* The agent's side of the contract: who it is, how it answers, and what becomes of its bugs. */

#include <stdlib.h>
#include <string.h>

#include "inside.h"

/* Made by PARLOIR_AGENT in the author's file. */
extern const parloir_agent_description parloir_agent;

const parloir_call *parloir_current;

static const char *reason = "";

const char *parloir_reason(void) { return reason; }

parloir_refusal parloir_refused(const parloir_agent_types_refusal_t *refusal) {
    switch (refusal->tag) {
    case PARLOIR_AGENT_TYPES_REFUSAL_NOT_PERMITTED:
        reason = parloir_from(refusal->val.not_permitted);
        return PARLOIR_NOT_PERMITTED;
    case PARLOIR_AGENT_TYPES_REFUSAL_OVER_QUOTA:
        reason = parloir_from(refusal->val.over_quota);
        return PARLOIR_OVER_QUOTA;
    case PARLOIR_AGENT_TYPES_REFUSAL_UNAVAILABLE:
        reason = parloir_from(refusal->val.unavailable);
        return PARLOIR_UNAVAILABLE;
    case PARLOIR_AGENT_TYPES_REFUSAL_INVALID:
        reason = parloir_from(refusal->val.invalid);
        return PARLOIR_INVALID;
    }
    __builtin_unreachable();
}

contract_string_t parloir_to(const char *text) {
    if (text == NULL) text = "";
    return (contract_string_t){(uint8_t *)text, strlen(text)};
}

/* ---- Exports ---------------------------------------------------------------------------------- */

void exports_contract_describe(contract_description_t *description) {
    enum { MOST = sizeof parloir_agent.languages / sizeof parloir_agent.languages[0] };
    static const struct {
        unsigned need;
        const char *name;
    } capabilities[] = {
        {PARLOIR_NEEDS_MODEL, "model"},         {PARLOIR_NEEDS_CALENDAR, "calendar"},
        {PARLOIR_NEEDS_MEMORY, "memory"},       {PARLOIR_NEEDS_DOCUMENTS, "documents"},
        {PARLOIR_NEEDS_CONNECTORS, "connectors"}, {PARLOIR_NEEDS_TRANSFER, "transfer"},
    };
    static contract_string_t languages[MOST];
    static contract_string_t needs[sizeof capabilities / sizeof capabilities[0]];

    description->name = parloir_to(parloir_agent.name);
    description->version = parloir_to(parloir_agent.version);
    description->languages = (contract_list_language_t){languages, 0};
    for (size_t i = 0; i < MOST && parloir_agent.languages[i] != NULL; i++)
        languages[description->languages.len++] = parloir_to(parloir_agent.languages[i]);
    description->capabilities = (contract_list_string_t){needs, 0};
    for (size_t i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++)
        if (parloir_agent.needs & capabilities[i].need)
            needs[description->capabilities.len++] = parloir_to(capabilities[i].name);
}

void exports_contract_answer(contract_call_info_t *info, contract_outcome_t *outcome) {
    parloir_named *settings = parloir_room(info->settings.len * sizeof *settings);
    for (size_t i = 0; i < info->settings.len; i++) {
        settings[i].name = parloir_from(info->settings.ptr[i].f0);
        settings[i].value = parloir_from(info->settings.ptr[i].f1);
    }
    const parloir_call call = {
        .id = parloir_from(info->id),
        .outbound = info->direction == PARLOIR_AGENT_CALL_DIRECTION_OUTBOUND,
        .line = parloir_from(info->line),
        .caller = info->caller.is_some ? parloir_from(info->caller.val) : NULL,
        .language = parloir_from(info->language),
        .started_at = parloir_time_from(info->started_at),
        .settings = settings,
        .settings_count = info->settings.len,
    };
    parloir_current = &call;
    const parloir_outcome how = parloir_agent.answer(&call);
    parloir_current = NULL;
    switch (how.kind) {
    case PARLOIR_DONE: outcome->tag = CONTRACT_OUTCOME_DONE; break;
    case PARLOIR_TRANSFERRED: outcome->tag = CONTRACT_OUTCOME_TRANSFERRED; break;
    case PARLOIR_CALL_BACK: outcome->tag = CONTRACT_OUTCOME_CALL_BACK; break;
    case PARLOIR_ABANDONED: outcome->tag = CONTRACT_OUTCOME_ABANDONED; break;
    case PARLOIR_FAILED:
        outcome->tag = CONTRACT_OUTCOME_FAILED;
        outcome->val.failed = parloir_to(how.why);
        break;
    }
}

/* What the exports returned is not freed: the instance is gone with the call. */
void __wasm_export_exports_contract_describe_post_return(uint8_t *returned) { (void)returned; }
void __wasm_export_exports_contract_answer_post_return(uint8_t *returned) { (void)returned; }

/* The build puts the contract into the module itself, where the bindings look for an object file. */
void __component_type_object_force_link_contract(void) {}

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

const char *parloir_setting(const parloir_call *call, const char *name) {
    for (size_t i = 0; i < call->settings_count; i++) {
        if (strcmp(call->settings[i].name, name) != 0) continue;
        const char *first = call->settings[i].value;
        while (blank(*first)) first++;
        size_t length = strlen(first);
        while (length > 0 && blank(first[length - 1])) length--;
        if (length == 0) return NULL;
        return parloir_part(first, length);
    }
    return NULL;
}

/* ---- Memory ----------------------------------------------------------------------------------- */

void *parloir_room(size_t size) {
    void *memory = malloc(size == 0 ? 1 : size);
    if (memory == NULL) parloir_stop(__FILE__, __LINE__, __func__, "the agent's memory is used up");
    return memory;
}

/* How the host makes room for what it answers. A zero byte after it makes text C's own. */
__attribute__((__export_name__("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size;
    if (size == 0) return (void *)align;
    uint8_t *memory = realloc(old, size + 1);
    if (memory == NULL) __builtin_trap(); /* the host may not be called here */
    memory[size] = 0;
    return memory;
}

/* ---- Bugs ------------------------------------------------------------------------------------- */

_Noreturn void parloir_stop(const char *file, int line, const char *function, const char *why) {
    static bool stopping;
    if (!stopping) {
        stopping = true; /* what follows asks for memory, which may be what failed */
        parloir_error("stopped at %s:%d in %s: %s", file, line, function, why);
    }
    __builtin_trap();
}

/* Instead of libc's own, whose message would go to a standard error that is not there. Weak, for toolchains
 * that link theirs all the same. */
__attribute__((__weak__))
_Noreturn void __assert_fail(const char *claim, const char *file, int line, const char *function) {
    parloir_stop(file, line, function, parloir_text("assert(%s) does not hold", claim));
}

__attribute__((__weak__))
_Noreturn void abort(void) {
    static bool stopping;
    if (!stopping) {
        stopping = true;
        contract_string_t message = parloir_to("stopped: abort() was called");
        parloir_agent_log_write(PARLOIR_AGENT_LOG_LEVEL_ERROR, &message);
    }
    __builtin_trap();
}
