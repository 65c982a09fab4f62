// What JSON may hold and a text of Postgres may not (U+0000, half of a surrogate pair) would make an error of the whole view.
const RECORD = `regexp_replace(run.record, '\\\\u(0000|d[89a-f][0-9a-f]{2})', '\\\\ufffd', 'g')::json`;

/**
 * The ledger for people at psql, and for what draws dashboards: views that tell no more than the tables do, and nothing that a note says. Who
 * may read them needs USAGE on the schema and SELECT on them, and nothing of the tables.
 *
 * A migration: it isn't changed once released.
 */
export const CREATE_VIEWS = `
  -- What a run's record says. Counts are there when it has ended.
  CREATE VIEW memory_import.runs AS
  SELECT run.run_id,
    CASE WHEN said.record ->> 'status' <> 'running' THEN said.record ->> 'status'
      WHEN owner.ended_at IS NULL AND owner.taken_over_at IS NULL AND owner.heartbeat > clock_timestamp() - interval '15 seconds' THEN 'running'
      ELSE 'killed' END AS status,
    (said.record ->> 'startedAt')::timestamptz AS started_at,
    (said.record ->> 'finishedAt')::timestamptz AS finished_at,
    make_interval(secs => (said.record #>> '{summary,durationMs}')::double precision / 1000) AS took,
    said.record #>> '{summary,reasonCode}' AS reason_code,
    said.record #>> '{summary,reason}' AS reason,
    (said.record #>> '{summary,counts,rows}')::bigint AS rows,
    (said.record #>> '{summary,counts,created}')::bigint AS created,
    (said.record #>> '{summary,counts,recovered}')::bigint AS recovered,
    (said.record #>> '{summary,counts,alreadyImported}')::bigint AS already_imported,
    (said.record #>> '{summary,counts,duplicate}')::bigint AS duplicate,
    (said.record #>> '{summary,counts,filtered}')::bigint AS filtered,
    (said.record #>> '{summary,counts,failed}')::bigint AS failed,
    ARRAY(SELECT input ->> 'path' FROM json_array_elements(said.record -> 'inputs') AS input) AS inputs,
    owner.host,
    owner.pid
  FROM memory_import.run AS run
    CROSS JOIN LATERAL (SELECT ${RECORD} AS record) AS said
    LEFT JOIN memory_import.owner AS owner USING (owner_number)
  WHERE said.record ->> 'out' <> '';

  -- Rows that failed, those too that were never sent. Of a note that names several contacts each is a row of its own.
  CREATE VIEW memory_import.failures AS
  SELECT run.run_id,
    ${RECORD} #>> ARRAY['inputs', failure.input::text, 'path'] AS file,
    failure.row,
    failure.class,
    failure.status,
    failure.message,
    failure.attempts
  FROM memory_import.failure AS failure JOIN memory_import.run AS run USING (run_number);

  -- Every note that was ever claimed, as it is now; run_id is the last run that said something of it.
  CREATE VIEW memory_import.notes AS
  SELECT run.run_id,
    note.row,
    note.contact_id,
    note.sub_org,
    note.state,
    CASE WHEN note.state = 'failed' THEN note.class END AS class,
    note.memory_id,
    note.attempts,
    to_timestamp(note.claimed_at / 1000.0) AS claimed_at,
    to_timestamp(note.settled_at / 1000.0) AS settled_at,
    CASE WHEN note.state = 'in_doubt' THEN to_timestamp(note.since / 1000.0) END AS in_doubt_since,
    note.owner_number IS NOT NULL AS under_way
  FROM memory_import.note AS note JOIN memory_import.run AS run USING (run_number);

  -- Contacts that the API didn't know when it was last asked, with the notes that were asked for.
  CREATE VIEW memory_import.missing_contacts AS
  SELECT note.contact_id,
    note.sub_org,
    count(*) AS notes,
    to_timestamp(max(note.settled_at) / 1000.0) AS last_asked_at
  FROM memory_import.note AS note
  WHERE note.state = 'failed' AND note.class = 'not_found' AND NOT EXISTS (
    SELECT 1 FROM memory_import.note AS later
    WHERE later.contact_id = note.contact_id AND later.sub_org IS NOT DISTINCT FROM note.sub_org
      AND later.state = 'created' AND later.settled_at > note.settled_at)
  GROUP BY note.contact_id, note.sub_org;

  -- Who writes the ledger, or wrote.
  CREATE VIEW memory_import.processes AS
  SELECT owner.owner_number AS number,
    owner.host,
    owner.pid,
    owner.what,
    CASE WHEN owner.taken_over_at IS NOT NULL THEN 'taken_over'
      WHEN owner.ended_at IS NOT NULL THEN 'ended'
      WHEN owner.heartbeat > clock_timestamp() - interval '15 seconds' THEN 'alive'
      ELSE 'silent' END AS status,
    owner.started_at,
    owner.heartbeat AS last_heartbeat,
    coalesce(owner.ended_at, owner.taken_over_at) AS ended_at
  FROM memory_import.owner AS owner;
`;
