/* What the files of the library share. Not for agents. */
#ifndef PARLOIR_INSIDE_H
#define PARLOIR_INSIDE_H

#include <stdarg.h>

#include "generated/contract.h"
#include "parloir.h"

/* The call that is being answered. */
extern const parloir_call *parloir_current;

/* Memory that lives until the call ends; never NULL. `size` may be 0. */
void *parloir_room(size_t size);

/* parloir_text, of arguments already gathered. */
const char *parloir_vtext(const char *format, va_list arguments);

/* Keeps why, for parloir_reason, and gives the code. */
parloir_refusal parloir_refused(const parloir_agent_types_refusal_t *refusal);

/* The host's text as C has it. The zero byte is there: cabi_realloc put it. */
static inline const char *parloir_from(contract_string_t text) {
    return text.len == 0 ? "" : (const char *)text.ptr;
}

/* The author's text as the contract has it; NULL is empty. It is only read. */
contract_string_t parloir_to(const char *text);

static inline parloir_time parloir_time_from(parloir_agent_types_local_time_t time) {
    return (parloir_time){time.year, time.month, time.day, time.hour, time.minute};
}

static inline parloir_agent_types_local_time_t parloir_time_to(parloir_time time) {
    return (parloir_agent_types_local_time_t){time.year, time.month, time.day, time.hour, time.minute};
}

/* A call to the host that answers nothing but whether it was done. */
#define PARLOIR_TRY(done) ((done) ? PARLOIR_OK : parloir_refused(&refusal))

parloir_agent_call_say_options_t parloir_say_options(const parloir_options *options);
parloir_heard parloir_heard_from(const parloir_agent_call_heard_t *heard);
parloir_appointment parloir_appointment_from(const parloir_agent_calendar_appointment_t *appointment);
parloir_agent_calendar_appointment_t parloir_appointment_to(const parloir_appointment *appointment);
parloir_agent_calendar_contact_t parloir_contact_to(parloir_contact contact);

#endif
