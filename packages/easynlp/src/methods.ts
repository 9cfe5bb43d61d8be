import { cpTuning } from './fewshot/cp-tuning/index.js';
import { type Method, registerMethod } from './trainer/method.js';

/** Every method that comes with the toolkit; importing this file makes them known. */
const METHODS: readonly Method[] = [cpTuning];

for (const method of METHODS) registerMethod(method);
