/* The tenant's documents, read-only. */

#include "inside.h"

parloir_refusal parloir_documents_list(parloir_names *names) {
    contract_list_string_t found;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_documents_list(&found, &refusal)) return parloir_refused(&refusal);
    const char **items = parloir_room(found.len * sizeof *items);
    for (size_t i = 0; i < found.len; i++) items[i] = parloir_from(found.ptr[i]);
    *names = (parloir_names){items, found.len};
    return PARLOIR_OK;
}

parloir_refusal parloir_documents_read(const char *name, const char **text) {
    contract_string_t which = parloir_to(name), content;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_documents_read(&which, &content, &refusal)) return parloir_refused(&refusal);
    *text = parloir_from(content);
    return PARLOIR_OK;
}

parloir_refusal parloir_documents_search(const char *query, uint8_t limit, parloir_passages *passages) {
    contract_string_t words = parloir_to(query);
    parloir_agent_documents_list_passage_t found;
    parloir_agent_types_refusal_t refusal;
    if (!parloir_agent_documents_search(&words, limit, &found, &refusal)) return parloir_refused(&refusal);
    parloir_passage *items = parloir_room(found.len * sizeof *items);
    for (size_t i = 0; i < found.len; i++)
        items[i] = (parloir_passage){parloir_from(found.ptr[i].document), parloir_from(found.ptr[i].text),
                                     found.ptr[i].score};
    *passages = (parloir_passages){items, found.len};
    return PARLOIR_OK;
}
