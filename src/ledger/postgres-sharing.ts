import type { NoteKey } from '../model.js';
import type { ClaimAnswer, LedgerBatch, SharedLedger } from './ledger.js';
import { fence } from './postgres-commit.js';
import { inPostgresTransaction, type Line } from './postgres-line.js';
import { DEAD_AFTER, type Owner } from './postgres-owner.js';
import { type Statement, toText } from './postgres-session.js';
import { toOpenNote } from './rows.js';

/** What this process works on, and what it asks the others. */
export interface PostgresSharing {
  readonly shared: SharedLedger;
  /** Notes that this process has claimed or holds for a look. */
  readonly held: ReadonlySet<NoteKey>;
  /** To be called with what was committed. */
  committed(batch: LedgerBatch, answers: readonly ClaimAnswer[]): void;
  /** A commit has learnt that this process was taken over. */
  lose(): void;
}

export function createPostgresSharing({
  owner,
  line,
  reader,
}: {
  readonly owner: Owner;
  readonly line: Line;
  readonly reader: Line;
}): PostgresSharing {
  const held = new Set<NoteKey>();
  return {
    held,
    committed({ transitions }, answers) {
      for (const { key, to } of transitions) if (to !== 'closed' && to !== 'undone') held.delete(key);
      for (const answer of answers) if (answer.kind === 'claimed') held.add(answer.key);
    },
    lose: owner.lose,
    shared: {
      isAlive: owner.isAlive,
      untilAlive: owner.untilAlive,
      onLost: owner.onLost,
      async hold({ key, contactId }) {
        const taken = await line.run((session) =>
          inPostgresTransaction(session, async () => {
            if (!(await fence(session, owner.number, [contactId]))) return [];
            return session.query(HOLD, [key, owner.number, toText(contactId)]);
          }),
        );
        if (taken.length === 0) return false;
        held.add(key);
        return true;
      },
      async letGo(key) {
        await line.run((session) => session.query(LET_GO, [key, owner.number]));
        held.delete(key);
      },
      async inDoubt(key) {
        const [row] = await line.run((session) => session.query(IN_DOUBT, [key]));
        return row === undefined ? null : toOpenNote(row);
      },
      async lateMemory(key) {
        const [row] = await line.run((session) => session.query(LATE_MEMORY, [key]));
        return row === undefined ? null : { id: String(row.late_memory_id), createdAt: row.late_created_at as string | null };
      },
      async runsUnderWay() {
        return runsUnderWay(reader);
      },
    },
  };
}

export async function runsUnderWay(reader: Line): Promise<ReadonlySet<string>> {
  return new Set((await reader.run((session) => session.query(UNDER_WAY))).map(({ run_id }) => String(run_id)));
}

const HOLD: Statement = {
  name: 'hold',
  text: `UPDATE memory_import.note AS n SET owner_number = $2
    WHERE n.note_key = $1 AND n.state = 'in_doubt' AND (n.owner_number IS NULL OR n.owner_number = $2)
      AND NOT EXISTS (SELECT 1 FROM memory_import.note AS other WHERE other.contact_id = $3 AND other.owner_number <> $2)
    RETURNING 1`,
};
const LET_GO: Statement = {
  name: 'let_go',
  text: `UPDATE memory_import.note SET owner_number = NULL WHERE note_key = $1 AND owner_number = $2 AND state = 'in_doubt'`,
};
const IN_DOUBT: Statement = {
  name: 'in_doubt',
  text: `SELECT note.*, run.run_id FROM memory_import.note AS note JOIN memory_import.run AS run USING (run_number)
    WHERE note_key = $1 AND state = 'in_doubt' AND note.owner_number IS NULL`,
};
const LATE_MEMORY: Statement = {
  name: 'late_memory',
  text: 'SELECT late_memory_id, late_created_at FROM memory_import.note WHERE note_key = $1 AND late_memory_id IS NOT NULL',
};
const UNDER_WAY: Statement = {
  name: 'under_way',
  text: `SELECT run_id FROM memory_import.run JOIN memory_import.owner USING (owner_number)
    WHERE ended_at IS NULL AND taken_over_at IS NULL AND heartbeat > clock_timestamp() - ${DEAD_AFTER}`,
};
