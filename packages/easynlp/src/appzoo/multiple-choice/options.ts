import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';

/** How the label column names the right choice. */
export const GOLD_KINDS = ['index', 'letter', 'text'] as const;
export type GoldKind = (typeof GOLD_KINDS)[number];

/** Options of training multiple_choice beside the common ones. */
export const multipleChoiceTrainOptions = z.strictObject({
  choicesName: option(z.array(z.string().min(1)).min(1).optional(), {
    description:
      'column with the list of choices (a list in JSON Lines, or its JSON text), or a column for each choice; unset = choices, candidates, options …, or choice0, choice1 …',
    group: 'App',
    value: 'column,…',
  }),
  gold: option(z.enum(GOLD_KINDS).optional(), {
    description:
      'what the label column holds: the number of the right choice from 0, its letter from A, or its text; unset = what fits every row',
    group: 'App',
  }),
  gap: option(z.string().min(1).optional(), {
    description:
      'mark that stands once in every text where a choice belongs, such as #idiom#: each choice is read in its place; unset = no gap',
    group: 'App',
    value: 'mark',
  }),
  groupName: option(z.string().min(1).optional(), {
    description:
      'column of what questions share a list of choices, of which each fits only once: unique_accuracy is measured, too',
    group: 'App',
    value: 'column',
  }),
});

/** Options of predicting with it. */
export const multipleChoicePredictOptions = z.strictObject({
  choices: option(z.array(z.string().min(1)).min(2).optional(), {
    description: 'choices of every text, for texts that come without their own',
    group: 'App',
    value: 'choice,…',
  }),
});

export type MultipleChoiceConfig = z.output<typeof multipleChoiceTrainOptions>;
/** What `train()` takes for this task. */
export type MultipleChoiceTrainOptions = TrainOptions & z.input<typeof multipleChoiceTrainOptions>;
