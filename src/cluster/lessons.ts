import type { Lesson } from '../dispatch/contact-lessons.js';
import { type PostgresRow, type Statement, toText } from '../ledger/postgres-session.js';
import type { FailureClass } from '../model.js';

/** How a row failed, as far as it says something of its contact. */
export interface ToldLesson {
  readonly contactId: string;
  readonly subOrg: string | null;
  readonly class: FailureClass;
  readonly label: string;
}

export const ADD_LESSONS: Statement = {
  name: 'add_lessons',
  text: `INSERT INTO memory_import.lesson (run_number, contact_id, sub_org, class, label)
    SELECT $1, "contactId", "subOrg", class, label FROM json_to_recordset($2::json) AS l ("contactId" text, "subOrg" text, class text, label text)`,
};
export const LESSONS: Statement = {
  name: 'lessons',
  text: `SELECT contact_id, sub_org, class, label FROM memory_import.lesson
    WHERE run_number = $1 AND contact_id IN (SELECT json_array_elements_text($2::json))`,
};

export function lessonValues(run: number, lessons: readonly ToldLesson[]): readonly unknown[] {
  const rows = lessons.map(({ contactId, subOrg, label, ...lesson }) => {
    return { ...lesson, contactId: toText(contactId), subOrg: toText(subOrg), label: toText(label) };
  });
  return [run, JSON.stringify(rows)];
}

export function toLesson({ contact_id, sub_org, class: failureClass, label }: PostgresRow): Lesson {
  const draft = { contactId: String(contact_id), subOrg: sub_org === null ? null : String(sub_org) };
  return { draft, label: String(label), outcome: { kind: 'failed', class: failureClass as FailureClass } };
}
