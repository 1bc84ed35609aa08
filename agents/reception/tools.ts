// What the model may ask for. `desk.ts` does it.

import type { model } from "parloir-agent";

export const TOOLS: model.Tool[] = [
  {
    name: "find_times",
    description: "Free times for an appointment. Gives up to three, numbered.",
    parameters: {
      type: "object",
      properties: { when: { type: "string", description: "The caller's own words for day and time; empty for any." } },
      required: ["when"],
    },
  },
  {
    name: "book",
    description: "Books one of the times last found. The caller is asked to confirm first.",
    parameters: {
      type: "object",
      properties: {
        number: { type: "integer", description: "The time's number." },
        name: { type: "string", description: "The caller's name." },
        motive: { type: "string", description: "What it is for, in a few words." },
      },
      required: ["number", "name"],
    },
  },
  { name: "hand_over", description: "Puts the caller through to a human.", parameters: { type: "object", properties: {} } },
  { name: "goodbye", description: "Ends the call politely.", parameters: { type: "object", properties: {} } },
];
