/* The tenant's key-value storage. */

#include "inside.h"

static contract_list_u8_t bytes_to(parloir_bytes bytes) {
    return (contract_list_u8_t){(uint8_t *)bytes.data, bytes.length};
}

parloir_refusal parloir_memory_get(const char *key, parloir_bytes *value) {
    contract_string_t name = parloir_to(key);
    contract_option_list_u8_t found;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_memory_get(&name, &found, &refusal)) return parloir_refused(&refusal);
    if (!found.is_some)
        *value = (parloir_bytes){NULL, 0};
    else
        *value = (parloir_bytes){found.val.len == 0 ? (const void *)"" : found.val.ptr, found.val.len};
    return PARLOIR_OK;
}

parloir_refusal parloir_memory_set(const char *key, parloir_bytes value) {
    contract_string_t name = parloir_to(key);
    contract_list_u8_t bytes = bytes_to(value);
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_memory_set(&name, &bytes, &refusal));
}

parloir_refusal parloir_memory_compare_and_set(const char *key, parloir_bytes expected, parloir_bytes value,
                                               bool *done) {
    contract_string_t name = parloir_to(key);
    contract_list_u8_t before = bytes_to(expected), after = bytes_to(value);
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_memory_compare_and_set(&name, expected.data == NULL ? NULL : &before,
                                                            &after, done, &refusal));
}

parloir_refusal parloir_memory_delete(const char *key) {
    contract_string_t name = parloir_to(key);
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_memory_delete(&name, &refusal));
}
