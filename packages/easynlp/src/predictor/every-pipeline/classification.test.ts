import { testPipelines } from './answers.fixture.js';
import { CLASSIFICATION } from './classification.fixture.js';

testPipelines('pipeline-classification', CLASSIFICATION);
