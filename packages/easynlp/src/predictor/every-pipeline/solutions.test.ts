import { testPipelines } from './answers.fixture.js';
import { SOLUTIONS } from './solutions.fixture.js';

testPipelines('pipeline-solutions', SOLUTIONS);
