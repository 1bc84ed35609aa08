/* What the tenant reads after the call. */

#include "inside.h"

static parloir_refusal set(parloir_agent_report_field_t field) {
    parloir_agent_types_refusal_t refusal;
    return PARLOIR_TRY(parloir_agent_report_set(&field, &refusal));
}

parloir_refusal parloir_report_contact(parloir_contact contact) {
    return set((parloir_agent_report_field_t){
        .tag = PARLOIR_AGENT_REPORT_FIELD_CONTACT, .val.contact = parloir_contact_to(contact)});
}

parloir_refusal parloir_report_need(const char *text) {
    return set((parloir_agent_report_field_t){
        .tag = PARLOIR_AGENT_REPORT_FIELD_NEED, .val.need = parloir_to(text)});
}

parloir_refusal parloir_report_appointment(const parloir_appointment *appointment) {
    return set((parloir_agent_report_field_t){
        .tag = PARLOIR_AGENT_REPORT_FIELD_APPOINTMENT, .val.appointment = parloir_appointment_to(appointment)});
}

parloir_refusal parloir_report_status(parloir_status status) {
    return set((parloir_agent_report_field_t){
        .tag = PARLOIR_AGENT_REPORT_FIELD_STATUS, .val.status = (parloir_agent_report_status_t)status});
}

parloir_refusal parloir_report_summary(const char *text) {
    return set((parloir_agent_report_field_t){
        .tag = PARLOIR_AGENT_REPORT_FIELD_SUMMARY, .val.summary = parloir_to(text)});
}

parloir_refusal parloir_report_other(const char *name, const char *value) {
    return set((parloir_agent_report_field_t){
        .tag = PARLOIR_AGENT_REPORT_FIELD_OTHER, .val.other = {parloir_to(name), parloir_to(value)}});
}
