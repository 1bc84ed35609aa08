/** What is known of the call being answered: an instance answers one call. */
export const current = { language: "fr-FR", line: "" };
