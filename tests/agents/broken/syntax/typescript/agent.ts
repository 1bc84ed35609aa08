import { agent } from "parloir-agent";

export const { describe, answer } = agent({;
