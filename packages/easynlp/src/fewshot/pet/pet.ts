import { EasyNlpError } from '../../errors/index.js';
import type { Method } from '../../trainer/method.js';
import type { PromptSpec } from '../prompt/index.js';
import { clozeApp, languageModel } from './cloze-app.js';
import { ClozeModel } from './cloze-model.js';
import { clozeObjective } from './objective.js';
import { petOptions } from './options.js';

/**
 * Pattern-exploiting training with one pattern: Schick & Schütze 2021, "Exploiting Cloze Questions for Few Shot Text
 * Classification and Natural Language Inference", arXiv 2001.07676, §3.1–3.2. `pet_ensemble` is the whole procedure.
 */
export const pet: Method = {
  name: 'pet',
  description: 'few rows: a prompt in which the language model finds the label’s word (PET)',
  apps: ['text_classify', 'text_match'],
  options: petOptions,
  variant: (app) =>
    clozeApp(app, {
      prepare: withoutPseudo,
      model: async (_, source, options) => new ClozeModel(await languageModel(source, options)),
    }) as never,
  objective: (context) => clozeObjective(context, 'pet'),
};

function withoutPseudo(spec: PromptSpec): PromptSpec {
  const { pattern } = spec.prompt;
  if (pattern.pseudoTokens === 0) return spec;
  throw new EasyNlpError('PROMPT_PATTERN', {
    pattern: pattern.source,
    column: pattern.source.indexOf('<pseudo') + 1,
    problem: '<pseudo> stands for a trainable token, which the method pet does not have',
    hint: 'Use --method ptuning, or write text in its place.',
  });
}
