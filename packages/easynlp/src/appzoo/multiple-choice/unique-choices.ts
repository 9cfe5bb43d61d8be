/** A choice of a question and its score. */
interface Scored {
  readonly choice: string;
  readonly logit: number;
}

/**
 * Answers questions that share a list of choices, none of which fits twice (the gaps of ChID's passages). The highest
 * score of all is taken first, then the highest among questions and choices that are left, as in CLUE's baseline. A
 * question for which nothing is left keeps its own best.
 *
 * @param questions the choices of each question, in any order, equal ones with equal texts
 * @returns which of its choices each question gets
 */
export function uniqueChoices(questions: readonly (readonly Scored[])[]): number[] {
  const offers = questions
    .flatMap((choices, question) => choices.map(({ choice, logit }, at) => ({ question, at, choice, logit })))
    // Sorting is stable: equal scores keep the order of the questions and of their choices.
    .sort((a, b) => b.logit - a.logit);
  const answers = new Map<number, number>();
  const taken = new Set<string>();
  for (const { question, at, choice } of offers) {
    if (answers.has(question) || taken.has(choice)) continue;
    answers.set(question, at);
    taken.add(choice);
  }
  for (const { question, at } of offers) if (!answers.has(question)) answers.set(question, at);
  return questions.map((_, question) => answers.get(question) ?? -1);
}
