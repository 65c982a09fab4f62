/** What runs need that workers take part in. A migration: it isn't changed once released. */
export const CREATE_DISTRIBUTION = `
  ALTER TABLE memory_import.owner ADD COLUMN is_worker boolean NOT NULL DEFAULT false; -- there to take chunks; what it claims for a run another owner does
  ALTER TABLE memory_import.owner ADD COLUMN run_number integer; -- of a worker: the run that it claims for
  ALTER TABLE memory_import.failure ADD COLUMN owner_number integer; -- whose commit recorded it

  -- A run that workers take part in, while it goes on.
  CREATE TABLE memory_import.distribution (
    run_number   integer PRIMARY KEY,
    owner_number integer NOT NULL,        -- its coordinator
    options      json NOT NULL,           -- what its workers must know
    stop         json,                    -- why it is to end; the first reason counts
    held_until   timestamptz NOT NULL DEFAULT '-infinity'  -- the API refuses everything until then
  );

  -- Rows of one partition of a run's contacts, in order. Of a partition the lowest chunk that isn't done runs, and no other.
  CREATE TABLE memory_import.chunk (
    run_number   integer NOT NULL,
    partition    integer NOT NULL,
    sequence     integer NOT NULL,
    state        text COLLATE "C" NOT NULL, -- ready, running, done
    rows         json,                    -- with the notes' names and texts; NULL once it is done
    row_count    integer NOT NULL,
    settled      integer[] NOT NULL DEFAULT '{}', -- which of its rows have an outcome
    owner_number integer,                 -- the worker that runs it
    attempt      integer NOT NULL DEFAULT 0,
    batch        integer NOT NULL DEFAULT 0, -- of the attempt's outcomes, how many were told
    began_with   integer NOT NULL DEFAULT 0, -- rows that were settled when the attempt began
    barren       integer NOT NULL DEFAULT 0, -- attempts in a row that ended by a death or a failure and settled nothing
    problem      text,                    -- what the last attempt failed of
    PRIMARY KEY (run_number, partition, sequence)
  );
  CREATE INDEX chunk_unfinished ON memory_import.chunk (run_number, partition, sequence) WHERE state <> 'done';

  -- What workers tell the coordinator, which removes what it has taken.
  CREATE TABLE memory_import.told (
    told_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_number  integer NOT NULL,
    worker      integer NOT NULL,
    content     json NOT NULL
  );
  CREATE INDEX told_by_run ON memory_import.told (run_number, told_number);

  -- What the rows of a run have shown of their contacts, for the chunks that follow.
  CREATE TABLE memory_import.lesson (
    run_number integer NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    sub_org    text COLLATE "C",
    class      text COLLATE "C" NOT NULL,
    label      text NOT NULL
  );
  CREATE INDEX lesson_by_contact ON memory_import.lesson (run_number, contact_id);

  -- How fast each worker of a run is, and may be.
  CREATE TABLE memory_import.pace (
    run_number   integer NOT NULL,
    owner_number integer NOT NULL,
    wants        double precision NOT NULL, -- requests a second
    granted      double precision NOT NULL DEFAULT 0, -- of the run's rate
    until        timestamptz NOT NULL DEFAULT '-infinity',
    found        double precision,        -- what the API takes of this worker, where 429s have shown it
    asked_at     timestamptz NOT NULL,
    PRIMARY KEY (run_number, owner_number)
  );

  -- Which pool of the queue is which process.
  CREATE TABLE memory_import.worker (owner_number integer PRIMARY KEY, pool_id text NOT NULL);
  `;
