import { intermediate } from './distillation/intermediate/index.js';
import { metakd, metakdStudent, metakdTeacher } from './distillation/metakd/index.js';
import { vanillaKd } from './distillation/vanilla-kd/index.js';
import { cpTuning } from './fewshot/cp-tuning/index.js';
import { ptuning } from './fewshot/p-tuning/index.js';
import { petEnsemble, softLabels } from './fewshot/pet/ensemble/index.js';
import { pet } from './fewshot/pet/index.js';
import { transPrompt, transPromptStage } from './fewshot/transprompt/index.js';
import { kBert } from './knowledge/k-bert/index.js';
import { promptDistillation } from './methods/prompt-distillation.js';
import { type Method, registerMethod } from './trainer/method.js';

/** Every method that comes with the toolkit; importing this file makes them known. */
const METHODS: readonly Method[] = [
  pet,
  petEnsemble,
  softLabels,
  ptuning,
  cpTuning,
  transPrompt,
  transPromptStage,
  vanillaKd,
  intermediate,
  promptDistillation,
  metakd,
  metakdTeacher,
  metakdStudent,
  kBert,
];

for (const method of METHODS) registerMethod(method);
