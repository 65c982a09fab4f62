import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reportPage } from './page.js';
import type { PageInput } from './page-facts.js';
import { reportFile } from './report-file.js';
import { openReportFile } from './run-folder.js';

/**
 * Writes `report.html` into the run's folder, readable by the owner only. Nothing that is there is overwritten.
 *
 * @returns the file's path
 * @throws where it can't be made or written; then nothing of it is left
 */
export async function writePage(folder: string, input: PageInput): Promise<string> {
  const page = await reportPage(input);
  const path = join(folder, 'report.html');
  const file = reportFile(path, await openReportFile(path));
  try {
    file.append(page);
    await file.close();
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
  return path;
}
