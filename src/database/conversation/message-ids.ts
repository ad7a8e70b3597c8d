// The ids of a turn's two messages: made from the turn's, or its own where the turn is older than that.

import { answerIdOf, questionIdOf } from "../../id.ts";

export interface MessageIds {
  id: string;
  question_id: string | null;
  answer_id: string | null;
}

export const questionIdIn = (row: MessageIds) => row.question_id ?? questionIdOf(row.id);
export const answerIdIn = (row: MessageIds) => row.answer_id ?? answerIdOf(row.id);
