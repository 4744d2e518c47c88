-- What metrics-maturity keeps, and why. Everything here is either a sum per day or a name of something that is not a
-- person. No login, e-mail address, network address or query text is ever written to any table.

-- +goose Up

-- Single facts about the store itself: the check value of the hash key, the timezone that days are cut in.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Who did something, as keyed hashes only (HMAC-SHA-256, cut to 16 bytes). The row goes when its last day goes.
CREATE TABLE actor (
    id     INTEGER PRIMARY KEY,
    whole  BLOB NOT NULL UNIQUE,        -- of the whole identity: tells two actors apart
    key_id TEXT NOT NULL                -- which key made it
);

-- The hashes by which an owner rule may find an actor: a login; a git author's name, e-mail and its local part; every prefix of an address.
CREATE TABLE actor_digest (
    digest BLOB NOT NULL,
    actor  INTEGER NOT NULL,
    PRIMARY KEY (digest, actor)
) WITHOUT ROWID;
CREATE INDEX actor_digest_actor ON actor_digest (actor);

-- Events folded by day: the heart of the store. A block holds rows of one source and date: kind, scope, subject, detail, why it is no
-- person's act, actor, tenant -> count, first, last, hours (block.go says how). Readers add up the blocks of a date. Dates are days
-- since 1970-01-01 in the configured timezone.
CREATE TABLE day (
    part   INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    date   INTEGER NOT NULL,
    rows   INTEGER NOT NULL,
    people BOOLEAN NOT NULL,            -- whether a row has an actor who may have to be forgotten
    block  BLOB NOT NULL
);
CREATE INDEX day_date ON day (date, source);

-- Parts of acts that are still open: the next line of the log may belong to them. Joined and folded into day as soon as no line
-- near them can come any more.
CREATE TABLE held (
    source TEXT PRIMARY KEY,
    state  BLOB NOT NULL,               -- JSON: the parts, and the stretches of time that were read
    totals BLOB NOT NULL                -- JSON: how the days that the parts make were judged
);

-- The days that the held parts make as things stand. Readers add them to day; each commit replaces them.
CREATE TABLE held_day (
    source TEXT NOT NULL,
    date   INTEGER NOT NULL,
    block  BLOB NOT NULL,
    PRIMARY KEY (source, date)
);

-- How far each source was read. Written in the transaction that writes what was read.
CREATE TABLE cursor (
    source TEXT NOT NULL,
    name   TEXT NOT NULL,               -- a file's content hash, "git"
    value  BLOB NOT NULL,               -- JSON of the reader's own
    PRIMARY KEY (source, name)
) WITHOUT ROWID;

-- One row a source: the fence against two collectors on one source, and how the last attempt ended.
CREATE TABLE source (
    name         TEXT PRIMARY KEY,
    version      INTEGER NOT NULL DEFAULT 0,  -- counts commits: a commit that expects another version is refused
    up           BOOLEAN NOT NULL DEFAULT FALSE,
    error        TEXT NOT NULL DEFAULT '',
    note         TEXT NOT NULL DEFAULT '',
    last_success INTEGER NOT NULL DEFAULT 0,
    malformed    INTEGER NOT NULL DEFAULT 0   -- lines or files that could not be read, ever
);

-- Events as judged when collected; never falls, for counters.
CREATE TABLE event_total (
    source  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (source, kind, outcome)
) WITHOUT ROWID;

-- For which days a source was really read. Class "view": requests answered with 200 were seen; "any": something was;
-- "gap": something that had been read was changed, so the day can't be trusted.
CREATE TABLE coverage (
    source TEXT NOT NULL,
    class  TEXT NOT NULL,
    date   INTEGER NOT NULL,
    PRIMARY KEY (source, class, date)
) WITHOUT ROWID;

-- What is kept of queries, in blocks: fingerprints with the names of metrics, and matchers on the labels that owner rules use.
CREATE TABLE query (
    part  INTEGER PRIMARY KEY,
    rows  INTEGER NOT NULL,
    block BLOB NOT NULL
);

-- Which texts were parsed before, so that none is parsed twice: keyed hashes (HMAC-SHA-256, cut to 16 bytes) with the
-- fingerprint that each has. Only a help: whatever is missing here is parsed again.
CREATE TABLE text (
    part    INTEGER PRIMARY KEY,
    profile TEXT NOT NULL,              -- what fingerprints depend on beside the text; others' are forgotten
    block   BLOB NOT NULL
);

-- Dashboards, rules and goals, each as known from a time on.
CREATE TABLE fact (
    class  TEXT NOT NULL,               -- dashboard, rule, goal
    scope  TEXT NOT NULL,
    name   TEXT NOT NULL,
    since  INTEGER NOT NULL,            -- nanoseconds since 1970
    facts  BLOB NOT NULL,               -- JSON
    PRIMARY KEY (class, scope, name, since)
) WITHOUT ROWID;

-- Different people of a team over the 8 weeks that end with a week, for weeks whose actors were forgotten.
CREATE TABLE people (
    team   TEXT NOT NULL,
    monday INTEGER NOT NULL,
    people INTEGER NOT NULL,
    PRIMARY KEY (team, monday)
) WITHOUT ROWID;

-- What was exported: one row a team and week, the first answer stays.
CREATE TABLE assessment (
    team     TEXT NOT NULL,
    monday   INTEGER NOT NULL,          -- the last week that was assessed
    made     INTEGER NOT NULL,          -- when, nanoseconds since 1970
    version  INTEGER NOT NULL,          -- of the criteria
    status   TEXT NOT NULL,
    stage    INTEGER,
    PRIMARY KEY (team, monday)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE assessment;
DROP TABLE people;
DROP TABLE fact;
DROP TABLE text;
DROP TABLE query;
DROP TABLE coverage;
DROP TABLE event_total;
DROP TABLE source;
DROP TABLE cursor;
DROP TABLE held_day;
DROP TABLE held;
DROP TABLE day;
DROP TABLE actor_digest;
DROP TABLE actor;
DROP TABLE meta;
