import { testPipelines } from './answers.fixture.js';
import { SPANS } from './spans.fixture.js';

testPipelines('pipeline-spans', SPANS);
