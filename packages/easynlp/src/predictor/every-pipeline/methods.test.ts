import { testPipelines } from './answers.fixture.js';
import { METHODS } from './methods.fixture.js';

testPipelines('pipeline-methods', METHODS);
