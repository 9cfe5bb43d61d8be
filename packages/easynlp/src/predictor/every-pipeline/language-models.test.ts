import { testPipelines } from './answers.fixture.js';
import { LANGUAGE_MODELS } from './language-models.fixture.js';

testPipelines('pipeline-language-models', LANGUAGE_MODELS);
