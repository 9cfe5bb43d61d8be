import { vanillaKd } from './distillation/vanilla-kd/index.js';
import { cpTuning } from './fewshot/cp-tuning/index.js';
import { pet } from './fewshot/pet/index.js';
import { type Method, registerMethod } from './trainer/method.js';

/** Every method that comes with the toolkit; importing this file makes them known. */
const METHODS: readonly Method[] = [pet, cpTuning, vanillaKd];

for (const method of METHODS) registerMethod(method);
