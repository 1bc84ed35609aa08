/* The clock, chance, and notes in the journal. */

#include <string.h>

#include "inside.h"

parloir_time parloir_now(void) {
    parloir_agent_types_local_time_t now;
    parloir_agent_clock_now(&now);
    return parloir_time_from(now);
}

uint8_t parloir_weekday(void) { return parloir_agent_clock_weekday(); }

uint32_t parloir_elapsed(void) { return parloir_agent_clock_elapsed(); }

size_t parloir_random(void *buffer, size_t count) {
    contract_list_u8_t bytes;
    parloir_agent_random_bytes((uint32_t)count, &bytes);
    const size_t filled = bytes.len < count ? bytes.len : count;
    memcpy(buffer, bytes.ptr, filled);
    return filled;
}

void parloir_log(parloir_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    contract_string_t message = parloir_to(parloir_vtext(format, arguments));
    va_end(arguments);
    parloir_agent_log_write((parloir_agent_log_level_t)level, &message);
}
