import { describeParity } from '../shared/encoder-parity.fixture.js';

describeParity('deberta-v2');
