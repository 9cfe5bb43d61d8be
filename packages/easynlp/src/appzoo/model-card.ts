import type { App } from './app.js';
import type { ArtefactParts } from './artefact.js';

/** Tasks as hubs name them. */
const PIPELINE_TAGS: Readonly<Record<string, string>> = {
  text_classify: 'text-classification',
  text_classify_multi_label: 'text-classification',
  geep_classify: 'text-classification',
  sequence_labeling: 'token-classification',
  machine_reading_comprehension: 'question-answering',
  multiple_choice: 'multiple-choice',
  text_match: 'text-classification',
  text_match_regression: 'sentence-similarity',
  text_match_two_tower: 'sentence-similarity',
};

/** The README of a trained model: what it is, how it was made, how to use it. */
export function modelCard(app: App, { spec, model, metrics, training }: ArtefactParts): string {
  const { count } = model.parameterCount();
  const figures = Object.entries(metrics)
    .filter((entry): entry is [string, number] => entry[1] !== null)
    .map(([name, value]) => `| ${name} | ${value.toFixed(4)} |`);
  const settings = Object.entries(training).map(([name, value]) => `| ${name} | ${JSON.stringify(value)} |`);
  return `---
library_name: easynlp
pipeline_tag: ${PIPELINE_TAGS[app.name] ?? app.name}
language: zh
---

# ${app.title} model

${app.description}; ${count.toLocaleString('en-US')} parameters, trained with EasyNLP for TypeScript.

## Use

\`\`\`ts
import { pipeline } from 'easynlp';
const run = await pipeline('${app.name}', 'path/to/this/folder');
console.log(await run('…'));
\`\`\`

## Task

\`\`\`json
${JSON.stringify(spec, null, 2)}
\`\`\`

## Figures on the validation data

${figures.length ? `| metric | value |\n|---|---|\n${figures.join('\n')}` : 'None: the model was trained without validation data.'}

## Training

| option | value |
|---|---|
${settings.join('\n')}

## Limits

The model knows what its training data showed it. Check it on data of your own before you rely on it.
`;
}
