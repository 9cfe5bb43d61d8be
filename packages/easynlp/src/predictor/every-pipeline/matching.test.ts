import { testPipelines } from './answers.fixture.js';
import { MATCHING } from './matching.fixture.js';

testPipelines('pipeline-matching', MATCHING);
