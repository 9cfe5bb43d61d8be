import { join } from 'node:path';
import { files } from '@easynlp/torch';
import { type LandingReport, renderText } from './report.js';
import { renderHtml } from './report-html.js';

/** Writes `landing.json`, `landing.txt` and `landing.html`, each whole or not at all. */
export function writeReport(
  output: string,
  report: LandingReport,
): { json: string; text: string; html: string } {
  const paths = {
    json: join(output, 'landing.json'),
    text: join(output, 'landing.txt'),
    html: join(output, 'landing.html'),
  };
  files.writeFileAtomic(paths.json, `${JSON.stringify(report, null, 2)}\n`);
  files.writeFileAtomic(paths.text, renderText(report));
  files.writeFileAtomic(paths.html, renderHtml(report));
  return paths;
}
