/* Services of the tenant's own, by names that the line grants. */

#include "inside.h"

parloir_names parloir_connectors_list(void) {
    contract_list_string_t found;
    parloir_agent_connectors_list(&found);
    const char **items = parloir_room(found.len * sizeof *items);
    for (size_t i = 0; i < found.len; i++) items[i] = parloir_from(found.ptr[i]);
    return (parloir_names){items, found.len};
}

parloir_refusal parloir_connectors_send_with(const char *connector, const char *path,
                                             parloir_connector_answer *answer, parloir_request request) {
    enum { MOST = sizeof request.query / sizeof request.query[0] };
    contract_tuple2_string_string_t pairs[MOST];
    size_t count = 0;
    for (; count < MOST && request.query[count].name != NULL; count++)
        pairs[count] = (contract_tuple2_string_string_t){parloir_to(request.query[count].name),
                                                         parloir_to(request.query[count].value)};
    parloir_agent_connectors_request_t sent = {
        .connector = parloir_to(connector),
        .method = (parloir_agent_connectors_method_t)request.method,
        .path = parloir_to(path),
        .query = {pairs, count},
        .body = {.is_some = request.body != NULL, .val = parloir_to(request.body)},
    };
    parloir_agent_connectors_answer_t result;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_connectors_send(&sent, &result, &refusal)) return parloir_refused(&refusal);
    *answer = (parloir_connector_answer){result.status, parloir_from(result.body)};
    return PARLOIR_OK;
}
