/* The tenant's appointments. */

#include "inside.h"

enum { LIMIT = 2, DAYS = 7 };

static parloir_slot slot_from(const parloir_agent_calendar_slot_t *slot) {
    return (parloir_slot){parloir_from(slot->id), parloir_time_from(slot->start), slot->minutes};
}

parloir_appointment parloir_appointment_from(const parloir_agent_calendar_appointment_t *appointment) {
    return (parloir_appointment){
        .reference = parloir_from(appointment->reference),
        .slot = slot_from(&appointment->slot),
        .contact = {
            .name = parloir_from(appointment->contact.name),
            .phone = appointment->contact.phone.is_some ? parloir_from(appointment->contact.phone.val) : NULL,
        },
        .motive = parloir_from(appointment->motive),
    };
}

parloir_agent_calendar_contact_t parloir_contact_to(parloir_contact contact) {
    return (parloir_agent_calendar_contact_t){
        .name = parloir_to(contact.name),
        .phone = {.is_some = contact.phone != NULL, .val = parloir_to(contact.phone)},
    };
}

parloir_agent_calendar_appointment_t parloir_appointment_to(const parloir_appointment *appointment) {
    return (parloir_agent_calendar_appointment_t){
        .reference = parloir_to(appointment->reference),
        .slot = {
            .id = parloir_to(appointment->slot.id),
            .start = parloir_time_to(appointment->slot.start),
            .minutes = appointment->slot.minutes,
        },
        .contact = parloir_contact_to(appointment->contact),
        .motive = parloir_to(appointment->motive),
    };
}

static parloir_agent_calendar_option_local_time_t instant(const parloir_time *time) {
    return time == NULL
               ? (parloir_agent_calendar_option_local_time_t){.is_some = false}
               : (parloir_agent_calendar_option_local_time_t){.is_some = true, .val = parloir_time_to(*time)};
}

parloir_refusal parloir_free_with(parloir_slots *slots, const parloir_wanted *wanted) {
    parloir_agent_calendar_weekday_t days[DAYS];
    size_t count = 0;
    for (uint8_t day = 0; day < DAYS; day++)
        if (wanted->weekdays & (1u << day)) days[count++] = day;
    parloir_agent_calendar_wanted_t wish = {
        .from = instant(wanted->from),
        .until = instant(wanted->until),
        .weekdays = {days, count},
        .earliest = {.is_some = wanted->earliest != 0, .val = wanted->earliest},
        .latest = {.is_some = wanted->latest != 0, .val = wanted->latest},
        .limit = wanted->limit == 0 ? LIMIT : wanted->limit,
    };
    parloir_agent_calendar_list_slot_t found;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_calendar_free(&wish, &found, &refusal)) return parloir_refused(&refusal);
    parloir_slot *items = parloir_room(found.len * sizeof *items);
    for (size_t i = 0; i < found.len; i++) items[i] = slot_from(&found.ptr[i]);
    *slots = (parloir_slots){items, found.len};
    return PARLOIR_OK;
}

static parloir_refusal booked(const parloir_agent_calendar_booked_t *result, parloir_appointment *appointment,
                              bool *taken) {
    *taken = result->tag == PARLOIR_AGENT_CALENDAR_BOOKED_TAKEN;
    if (!*taken) *appointment = parloir_appointment_from(&result->val.confirmed);
    return PARLOIR_OK;
}

parloir_refusal parloir_book(const char *slot, parloir_contact contact, const char *motive,
                             parloir_appointment *appointment, bool *taken) {
    contract_string_t id = parloir_to(slot), why = parloir_to(motive);
    parloir_agent_calendar_contact_t who = parloir_contact_to(contact);
    parloir_agent_calendar_booked_t result;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_calendar_book(&id, &who, &why, &result, &refusal)) return parloir_refused(&refusal);
    return booked(&result, appointment, taken);
}

parloir_refusal parloir_reschedule(const char *reference, const char *slot, parloir_appointment *appointment,
                                   bool *taken) {
    contract_string_t which = parloir_to(reference), id = parloir_to(slot);
    parloir_agent_calendar_booked_t result;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_calendar_move(&which, &id, &result, &refusal)) return parloir_refused(&refusal);
    return booked(&result, appointment, taken);
}

parloir_refusal parloir_find(const char *phone, parloir_appointments *appointments) {
    contract_string_t number = parloir_to(phone);
    parloir_agent_calendar_list_appointment_t found;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_calendar_find(&number, &found, &refusal)) return parloir_refused(&refusal);
    parloir_appointment *items = parloir_room(found.len * sizeof *items);
    for (size_t i = 0; i < found.len; i++) items[i] = parloir_appointment_from(&found.ptr[i]);
    *appointments = (parloir_appointments){items, found.len};
    return PARLOIR_OK;
}

parloir_refusal parloir_cancel(const char *reference, bool *cancelled) {
    contract_string_t which = parloir_to(reference);
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_calendar_cancel(&which, cancelled, &refusal));
}
